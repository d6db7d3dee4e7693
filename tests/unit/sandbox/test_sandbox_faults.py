import pytest

from daemon.sandbox.faults import ASIDE, ENDPOINTS, Fault, hit_of, parse_faults, shift_of


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("POST retry:1:after", Fault(endpoint="POST retry", kind="after", call=1), id="a call"),
        pytest.param("GET errors:*:hang", Fault(endpoint="GET errors", kind="hang", every=1), id="every call"),
        pytest.param("PUT data:*5:before", Fault(endpoint="PUT data", kind="before", every=5), id="every fifth"),
        pytest.param(
            "GET jobs:3-7:throttle:0", Fault(endpoint="GET jobs", kind="throttle:0", call=3, last=7), id="a run"
        ),
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
        pytest.param("GET errors:1:throttle:never", "unknown kind", id="wait"),
        pytest.param("GET errors:1:clock:2", "unknown kind", id="shift"),
        pytest.param("GET errors:1:job:hangs", "starts a retry job", id="job of another endpoint"),
        pytest.param("GET errors:3-:after", "not '3-'", id="run without an end"),
        pytest.param("GET errors:*3-7:after", "not '.3-7'", id="run of every nth"),
        pytest.param("GET errors:7-3:after", "a run like 3-7", id="run backwards"),
        pytest.param("GET errors:0:after", "number from 1", id="call zero"),
        pytest.param("GET errors:*0:after", "number from 1", id="every zeroth"),
    ],
)
def test_a_faulty_fault_is_refused_with_what_is_allowed(text: str, names: str) -> None:
    with pytest.raises(ValueError, match=names.replace("<", r"\<")):
        parse_faults(text)


def test_a_fault_hits_its_own_calls_or_every_nth() -> None:
    faults = parse_faults("GET errors:2:after,GET errors:*3:before,GET errors:7-8:hang")
    hits = [hit_of(faults, "GET errors", call).kinds for call in range(1, 10)]
    assert hits == [(), ("after",), ("before",), (), (), ("before",), ("hang",), ("hang",), ("before",)]
    assert hit_of(faults, "GET flows", 2).kinds == ()


def test_of_those_in_place_of_the_answer_the_first_wins_and_all_others_happen() -> None:
    kinds = ["meanwhile:resolve", "after", "clock:2h", "hang", "job:hangs", "meanwhile:edit"]
    hit = hit_of(parse_faults(",".join(f"POST retry:1:{kind}" for kind in kinds)), "POST retry", 1)
    assert hit.answer == "after"
    assert [hit.aside(word) for word in ASIDE] == [["hangs"], ["resolve", "edit"], ["2h"]]


@pytest.mark.parametrize(("text", "shift_s"), [("90s", 90), ("+5m", 300), ("2h", 7200), ("-1d", -86400)])
def test_a_clock_jumps_forward_or_back(text: str, shift_s: int) -> None:
    assert shift_of(text).total_seconds() == shift_s
    assert parse_faults(f"GET job:1:clock:{text}")


def test_every_endpoint_begins_with_its_method() -> None:
    assert {endpoint.split()[0] for endpoint in ENDPOINTS} == {"GET", "PUT", "POST"}
