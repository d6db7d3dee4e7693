from pathlib import Path
from textwrap import dedent

import pytest

from daemon.core.exceptions import ConfigError
from daemon.settings import load_settings

ACCOUNT = '[accounts.acme]\ntoken_file = "acme.token"\n'


def refusal(folder: Path, text: str | bytes, env: dict[str, str] | None = None) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "config.toml").write_bytes(data)
    with pytest.raises(ConfigError) as refused:
        load_settings(None, env or {}, folder, system_file=folder / "absent")
    return str(refused.value)


# Each: what is wrong (after an account that is in order), its place in the message, and pieces the message must have.
IN_THE_FILE = {
    "unknown key": ('[poll]\nintervall = "1m"', "4:1", ["[poll]", '^^^^^^^^^ did you mean "interval"?', "allowed here: ", "overlap"]),
    "unknown section": ("[pol]\n", "3:2", ['unknown key "pol"', 'did you mean "poll"?', "^^^"]),
    "key of another section": ("[poll]\nbatch_size = 5", "4:1", ["belongs in [actions]"]),
    "key of an account": ("[poll]\nshare_id = 5", "4:1", ["belongs in [accounts.<name>]"]),
    "no unit": ("[poll]\ninterval = 90", "4:12", ["   4 | interval = 90", "^^", 'did you mean "90s"?', "How often the summaries"]),
    "word for a unit": ('[poll]\noverlap = "15 min"', "4:11", ['did you mean "15m"?']),
    "too short": ('[poll]\ninterval = "500ms"', "4:12", ["must be at least 1s, not 500ms"]),
    "zero": ('[actions]\nretry_max_age = "0s"', "4:17", ["must be at least 1ms, not 0s", "snapshot"]),
    "too large": ("[actions]\nbatch_size = 5000", "4:14", ["is 5000: the largest is 1000", "^^^^"]),
    "share over one": ("[limits]\nresolve_share_of_open = 50.0", "4:25", ["is 50.0: the largest is 1"]),
    "not a number": ("[limits]\nresolve_share_of_open = nan", "4:25", ["is not a number that can be used"]),
    "number in quotes": ('[poll]\nconcurrency = "8"', "4:15", ['a whole number, without quotes, not text "8"']),
    "fraction": ("[server]\nport = 80.5", "4:8", ["a whole number", "80.5"]),
    "boolean for a number": ("[server]\nport = true", "4:8", ["not true or false true"]),
    "word for a boolean": ('[rules]\nwatch = "yes"', "4:9", ['must be true or false, without quotes, not text "yes"']),
    "text for a list": ('[rules]\npaths = "rules"', "4:9", ["must be a list in brackets"]),
    "wrong item of a list": ('[rules]\npaths = [\n  "a",\n  7,\n]', "6:3", ["must be text in quotes"]),
    "empty list": ("[rules]\npaths = []", "4:9", ["rules.paths is empty"]),
    "value for a section": ("[log]\n[accounts.eu]\ntoken_file='x'\n[notify]\nops = 5", "7:7", ["must be a section", "write [notify.ops]"]),
    "unknown word": ('[log]\nlevel = "INFO"', "4:9", ['did you mean "info"?', "allowed here: debug, info, warning, error"]),
    "unknown event": (
        '[notify.ops]\nurl_file = "x"\nevents = [\n  "breaker.openned",\n]',
        "6:3",
        ['^^^^^^^^^^^^^^^^^ did you mean "breaker.opened"?', "limit.reached"],
    ),
    "channel without address": ('[notify.ops]\nevents = ["plan.made"]', "3:9", ["either url or url_file"]),
    "channel without events": ('[notify.ops]\nurl_file = "x"', "3:9", ["notify.ops.events is missing"]),
    "settle over overlap": ('[poll]\nsettle = "20m"', "4:10", ["must be shorter than overlap", "gaps"]),
    "sweep under interval": ('[poll]\nfull_sweep = "30s"', "4:14", ["must not be shorter than interval"]),
    "quiet under interval": ('[poll]\nquiet_interval = "30s"', "4:18", ["must not be shorter than interval"]),
    "quiet over sweep": ('[poll]\nquiet_interval = "7h"', "4:18", ["must not be longer than full_sweep"]),
    "timeout under pace": ('[actions]\nconfirm_timeout = "5s"', "4:19", ["must not be shorter than confirm_every"]),
    "http over a network": ('base_url = "http://example.com/v1"', "3:12", ["clear text", "write https"]),
    "no path": ('base_url = "https://example.com"', "3:12", ["did you mean https://example.com/v1?"]),
    "where people look": ('base_url = "https://integrator.io"', "3:12", ["did you mean https://api.integrator.io/v1?"]),
    "where people look, in Europe": (
        'base_url = "https://eu.integrator.io/v1"',
        "3:12",
        ["did you mean https://api.eu.integrator.io/v1?"],
    ),
    "user in the address": ('base_url = "https://me@example.com/v1"', "3:12", ["no more than scheme, host and path"]),
    "no scheme": ('base_url = "api.integrator.io/v1"', "3:12", ["must begin with https://"]),
    "broken address": ('base_url = "https://[::1/v1"', "3:12", ["Invalid IPv6"]),
    "port that cannot be": ('base_url = "https://example.com:0/v1"', "3:12", ["port 0"]),
    "port that is none": ('base_url = "https://example.com:x/v1"', "3:12", ["Port could not be cast"]),
    "list of sections": ("[[notify.ops]]\nurl_file = 'x'\n[[notify.ops]]\nurl_file = 'y'", "3:10", ["must be a section, not a list"]),
    "no requests at all": ("requests_per_s = 0", "3:18", ["it must be more than 0"]),
    "name of an account": ('[accounts."Acme EU"]\ntoken_file = "x"', "3:11", ['"Acme EU" cannot be a name', "acme-eu"]),
    "account without token": ("[accounts.eu]\n", "3:11", ["account eu has no token", "FLOWMEND_ACCOUNTS__EU__TOKEN", "eu.token"]),
    "empty file name": ('[accounts.eu]\ntoken_file = ""', "4:14", ["is empty"]),
    "database of another kind": ('[store]\nurl = "mysql://db/x"', "4:7", ["a file of SQLite", "sqlite:///var/lib"]),
    "database in memory": ('[store]\nurl = "sqlite:///:memory:"', "4:7", ["after a restart"]),
    "database at the root": ('[store]\nurl = "sqlite:///f.db"', "4:7", ["did you mean sqlite:///./f.db?"]),
    "no quotes": ("[poll]\ninterval = 1m", "4:12", ["this is not TOML", "text goes in quotes"]),
    "no end": ('[log]\nlevel = "info', "4:14", ["this is not TOML", "never closed"]),
    "forgets what it needs": ('[store]\nkeep = "1d"', "4:8", ["must be at least 30d, not 1d"]),
    "key twice": ('[poll]\nsettle = "1s"\nsettle = "2s"', "4:1", ['key "settle" written twice, again in line 5', "remove the other"]),
    "value and section": ("[store]\nurl = 'x'\n[store.url]", "4:1", ['key "url" written twice, again in line 5']),
    "section twice": ("[poll]\n[log]\n[poll]", "3:2", ['key "poll" written twice, again in line 5']),
    "tab before it": ('[poll]\n\tintervall = "1m"', "4:2", ["   4 |  intervall", "     |  ^^^^^^^^^"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "place", "told"), IN_THE_FILE.values(), ids=IN_THE_FILE.keys())
def test_a_broken_file_is_refused_with_place_and_advice(tmp_path: Path, text: str, place: str, told: list[str]) -> None:
    message = refusal(tmp_path, ACCOUNT + text)
    assert message.startswith(f"config.toml:{place}  ")
    flat = " ".join(message.split())
    assert [piece for piece in told if piece not in message and piece not in flat] == []
    assert "1 problem in config.toml; nothing was started" in message


IN_THE_ENVIRONMENT = {
    "unknown key": ("POLL__INTERVALL", "1m", ["did you mean FLOWMEND_POLL__INTERVAL?"]),
    "unknown section": ("MOED", "x", ["did you mean FLOWMEND_MODE?"]),
    "key of an unknown section": ("POL__INTERVAL", "1m", ["did you mean FLOWMEND_POLL__INTERVAL?"]),
    "one underscore": ("POLL_INTERVAL", "1m", ["did you mean FLOWMEND_POLL__INTERVAL?"]),
    "like nothing": ("QQQQQQQQQQ", "1m", ["two underscores stand between section and key"]),
    "key of an account": ("ACCOUNTS__ACME__TOKKEN", "secretive", ["did you mean FLOWMEND_ACCOUNTS__ACME__TOKEN?"]),
    "value for an account": (
        "ACCOUNTS__EU",
        "secretive",
        ["accounts.eu must be a section", "FLOWMEND_ACCOUNTS__EU__…"],
    ),
    "value for a section": ("POLL", "1m", ["poll must be a section"]),
    "no unit": ("POLL__INTERVAL", "90", ['did you mean "90s"?']),
    "not a number": ("ACTIONS__BATCH_SIZE", "many", ['not text "many"']),
    "empty": ("ACTIONS__BATCH_SIZE", "", ["must be a whole number"]),
    "not a boolean": ("RULES__WATCH", "True", ['must be true or false, without quotes, not text "True"']),
    "not a number that can be": ("LIMITS__RESOLVE_SHARE_OF_OPEN", "nan", ["must be an ordinary number"]),
    "more digits than are read": ("ACTIONS__BATCH_SIZE", "9" * 5000, ["must be a whole number"]),
    "deeper than is read": ("RULES__PATHS", "[" * 100_000, ["must be a list"]),
    "mode": ("MODE", "observ", ['did you mean "observe"?']),
    "token with a blank": ("ACCOUNTS__ACME__TOKEN", "Bearer secretive", ["was something else pasted"]),
    "empty token": ("ACCOUNTS__ACME__TOKEN", "", ["the token is empty"]),
    "relation": ("POLL__SETTLE", "1h", ["must be shorter than overlap"]),
}


@pytest.mark.parametrize(("name", "text", "told"), IN_THE_ENVIRONMENT.values(), ids=IN_THE_ENVIRONMENT.keys())
def test_a_broken_variable_is_refused_by_its_name(tmp_path: Path, name: str, text: str, told: list[str]) -> None:
    message = refusal(tmp_path, ACCOUNT, {f"FLOWMEND_{name}": text})
    assert message.startswith(f"FLOWMEND_{name}  ")
    assert [piece for piece in told if piece not in message] == []
    assert "secretive" not in message
    assert "1 problem in config.toml and the environment; nothing was started" in message


def test_a_value_for_a_section_beside_its_keys_is_one_problem(tmp_path: Path) -> None:
    message = refusal(tmp_path, ACCOUNT, {"FLOWMEND_POLL": "x", "FLOWMEND_POLL__INTERVAL": "1m"})
    assert message.startswith("FLOWMEND_POLL  poll must be a section")


def test_all_problems_are_told_at_once_and_those_of_the_file_in_its_order(tmp_path: Path) -> None:
    text = dedent("""
        mode = "observ"
        [actions]
        batch_size = 5000
        [accounts.acme]
        token_fil = "acme.token"
        [poll]
        interval = 90
        intervall = "1m"
    """).lstrip()
    message = refusal(tmp_path, text, {"FLOWMEND_LOG__LEVEL": "loud", "FLOWMEND_POLL__SETLE": "1s"})
    places = [block.split("  ")[0] for block in message.split("\n\n")]
    assert places[:5] == [f"config.toml:{place}" for place in ("1:8", "3:14", "5:1", "7:12", "8:1")]
    assert set(places[5:7]) == {"FLOWMEND_LOG__LEVEL", "FLOWMEND_POLL__SETLE"}
    assert places[7:] == ["configuration refused: 7 problems in config.toml and the environment; nothing was started"]


def test_the_message_looks_like_this(tmp_path: Path) -> None:
    message = refusal(tmp_path, f'{ACCOUNT}[poll]\ninterval = "1m"\nconcurency = 8\n')
    assert message == dedent("""\
        config.toml:5:1  unknown key "concurency" in [poll]
           5 | concurency = …
             | ^^^^^^^^^^ did you mean "concurrency"?
           allowed here: interval, quiet_interval, overlap, settle, lookback, full_sweep, concurrency
           Not passed over: the default would stay in force without anybody noticing.

        configuration refused: 1 problem in config.toml; nothing was started""")


@pytest.mark.parametrize(
    "text",
    [
        '[accounts.acme]\ntoken = "secretive"',
        "[accounts.acme]\ntoken = secretive",
        '[accounts.acme]\n"token" = secretive',
        '[accounts.acme]\ntoken = """secretive',
        '[accounts.acme]\nshare_id = 5\ntoken = """a\nsecretive""""',
        '[accounts.acme]\ntokn = "secretive"',
        '[accounts]\nacme = "secretive"',
        'accounts = {acme = {token_file = "x", token = "secretive", x = 1}}',
        "accounts.acme.token = 'secretive' 'x'",
        'token = "secretive"',
        'token "secretive"',
        '[accounts.acme]\ntoken = ["secretive"]',
        '[accounts.acme]\ntoken = "secretive secretive"',
        '[store]\nurl = "mysql://me:secretive@db/x"',
        '[notify.ops]\nurl = "slack://secretive"\nurl_file = "x"\nevents = ["plan.made"]',
        '[poll] # token = "secretive"\nsettle = "20m"',
        'base_url = "https://example.com/v1?key=secretive"',
    ],
)  # fmt: skip
def test_no_message_repeats_a_secret(tmp_path: Path, text: str) -> None:
    assert "secretive" not in refusal(tmp_path, text)


def test_a_token_in_the_file_is_refused_with_where_to_put_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[accounts.acme]\ntoken = "abcdefgh"\n')
    assert message.startswith("config.toml:2:1  accounts.acme.token stands in the configuration file")
    assert "token_file" in message
    assert "FLOWMEND_ACCOUNTS__ACME__TOKEN" in message


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"mode = 'observe'\n# \xff\n", "line 2 is not UTF-8"),
        (b"a = " + b"[" * 100_000, "levels deep"),
        (b"mode = \x1b[31m'x'", "this is not TOML"),
    ],
    ids=["encoding", "nesting", "escape sequence"],
)
def test_a_file_that_is_no_text_for_people_is_refused_quietly(tmp_path: Path, data: bytes, told: str) -> None:
    message = refusal(tmp_path, data)
    assert told in message
    assert "\x1b" not in message


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, {}, tmp_path)


def test_line_ends_of_windows_and_its_mark_at_the_beginning_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbfmode = "enforce"\r\n[accounts.acme]\r\ntoken_file = "x"\r\n')
    assert load_settings(None, {}, tmp_path).mode.name == "ENFORCE"


def test_a_long_line_is_shown_around_its_problem(tmp_path: Path) -> None:
    flows = '"orders", ' * 100
    message = refusal(tmp_path, f"{ACCOUNT}include_flows = [{flows}7]\n")
    line, carets = message.split("\n")[1:3]
    assert len(line) < 130
    assert line[carets.index("^")] == "7"
