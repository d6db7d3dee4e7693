import pytest

from daemon.sandbox.faults import ENDPOINTS, Fault, fault_for, parse_faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("POST retry:1:after", Fault(endpoint="POST retry", kind="after", call=1), id="a call"),
        pytest.param("GET errors:*:hang", Fault(endpoint="GET errors", kind="hang", every=1), id="every call"),
        pytest.param("PUT data:*5:before", Fault(endpoint="PUT data", kind="before", every=5), id="every fifth"),
        pytest.param("GET job:2:status:503", Fault(endpoint="GET job", kind="status:503", call=2), id="a status"),
    ],
)
def test_a_fault_is_read_from_its_text(text: str, fault: Fault) -> None:
    assert parse_faults(text) == (fault,)


def test_several_faults_stand_between_commas_and_none_is_none() -> None:
    assert len(parse_faults(" POST retry:1:after , GET errors:3:half_body,")) == 2
    assert parse_faults("") == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("POST retry", "<endpoint>:<call>:<kind>", id="too short"),
        pytest.param("GET nothing:1:after", "unknown endpoint", id="endpoint"),
        pytest.param("GET errors:1:explode", "unknown kind", id="kind"),
        pytest.param("GET errors:1:status:418", "unknown kind", id="status"),
        pytest.param("GET errors:first:after", "not 'first'", id="call"),
        pytest.param("GET errors:0:after", "number from 1", id="call zero"),
        pytest.param("GET errors:*0:after", "number from 1", id="every zeroth"),
    ],
)
def test_a_faulty_fault_is_refused_with_what_is_allowed(text: str, names: str) -> None:
    with pytest.raises(ValueError, match=names.replace("<", r"\<")):
        parse_faults(text)


def test_a_fault_hits_its_own_call_or_every_nth_and_the_first_one_wins() -> None:
    faults = parse_faults("GET errors:2:after,GET errors:*3:before,GET errors:6:hang")
    assert [fault_for(faults, "GET errors", call) for call in range(1, 7)] == ["", "after", "before", "", "", "before"]
    assert fault_for(faults, "GET flows", 2) == ""


def test_every_endpoint_begins_with_its_method() -> None:
    assert {endpoint.split()[0] for endpoint in ENDPOINTS} == {"GET", "PUT", "POST"}
