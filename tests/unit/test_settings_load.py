import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from daemon.core.actions import Mode
from daemon.core.exceptions import ConfigError
from daemon.settings import Account, Settings, load_settings, settings_json_schema
from daemon.settings.keys import settable

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TOKEN = {"FLOWMEND_ACCOUNTS__ACME__TOKEN": "token-of-acme"}


def load(folder: Path, text: str, env: Mapping[str, str] = TOKEN) -> Settings:
    (folder / "config.toml").write_text(text)
    return load_settings(None, env, folder, system_file=folder / "absent")


class TestWhereTheConfigurationComesFrom:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name, port in (("named", 1), ("variable", 2), ("config", 3), ("system", 4)):
            (tmp_path / f"{name}.toml").write_text(f"[server]\nport = {port}\n")
        return tmp_path

    @pytest.mark.parametrize(
        ("path", "variable", "here", "port"),
        [
            pytest.param(Path("named.toml"), "variable.toml", True, 1, id="--config"),
            pytest.param(None, "variable.toml", True, 2, id="FLOWMEND_CONFIG"),
            pytest.param(None, "", True, 3, id="./config.toml"),
            pytest.param(None, "", False, 4, id="the system's"),
        ],
    )
    def test_the_first_file_in_the_order_counts(
        self, folder: Path, path: Path | None, variable: str, here: bool, port: int
    ) -> None:
        if not here:
            (folder / "config.toml").unlink()
        env = {**TOKEN, "FLOWMEND_CONFIG": variable}
        assert load_settings(path, env, folder, system_file=folder / "system.toml").server.port == port

    @pytest.mark.parametrize(
        ("path", "env"),
        [(Path("gone.toml"), {}), (None, {"FLOWMEND_CONFIG": "gone.toml"})],
        ids=["--config", "FLOWMEND_CONFIG"],
    )
    def test_a_file_that_is_named_must_be_there(self, folder: Path, path: Path | None, env: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match=r"gone\.toml  cannot be read: No such file.*\n +--config, or else FLOW"):
            load_settings(path, {**TOKEN, **env}, folder, system_file=folder / "system.toml")

    def test_the_environment_alone_is_enough(self, tmp_path: Path) -> None:
        settings = load_settings(None, TOKEN, tmp_path, system_file=tmp_path / "absent")
        assert settings.accounts["acme"].read_token().get_secret_value() == "token-of-acme"
        assert settings.mode is Mode.OBSERVE
        assert settings.rules.paths == (tmp_path / "rules",)

    def test_with_nothing_at_all_the_message_says_where_was_looked(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as refused:
            load_settings(None, {}, tmp_path, system_file=tmp_path / "etc.toml")
        text = " ".join(str(refused.value).split())
        for place in ("--config", "FLOWMEND_CONFIG", str(tmp_path / "config.toml"), str(tmp_path / "etc.toml")):
            assert place in text
        assert "FLOWMEND_ACCOUNTS__ACME__TOKEN" in text

    def test_commands_that_never_call_the_platform_need_no_account(self, tmp_path: Path) -> None:
        assert load_settings(None, {}, tmp_path, system_file=tmp_path / "absent", offline=True).accounts == {}

    def test_the_sources_can_be_told_without_their_values(self, tmp_path: Path) -> None:
        (tmp_path / "acme.token").write_text("x")
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path), "FLOWMEND_POLL__INTERVAL": "5s"}
        sources = load(tmp_path, "[accounts.acme]\n", env).describe_sources()
        assert sources.file == tmp_path / "config.toml"
        assert sources.environment == {"poll.interval": "FLOWMEND_POLL__INTERVAL"}
        assert sources.credentials == {"accounts.acme.token_file": "credential acme.token"}

    def test_settings_made_directly_read_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODE", "enforce")
        monkeypatch.setenv("POLL", '{"concurrency": 2}')
        assert Settings() == Settings.merged([], Settings().describe_sources())
        assert Settings().poll.concurrency == 8


ENVIRONMENT: list[tuple[str, str, object]] = [
    ("MODE", "enforce", "enforce"),
    ("ACCOUNTS__ACME__BASE_URL", "https://api.eu.integrator.io/v1", "https://api.eu.integrator.io/v1"),
    ("ACCOUNTS__ACME__TOKEN", "123456789", "**********"),
    ("ACCOUNTS__ACME__TOKEN_FILE", "/run/acme.token", "/run/acme.token"),
    ("ACCOUNTS__ACME__SHARE_ID", "5e0", "5e0"),
    ("ACCOUNTS__ACME__INCLUDE_FLOWS", "Orders*, Stock", ["Orders*", "Stock"]),
    ("ACCOUNTS__ACME__EXCLUDE_FLOWS", '["Orders, old"]', ["Orders, old"]),
    ("ACCOUNTS__ACME__REQUESTS_PER_S", "0.5", 0.5),
    ("POLL__INTERVAL", "30s", "30s"),
    ("POLL__QUIET_INTERVAL", "5m", "5m"),
    ("POLL__OVERLAP", "1h", "1h"),
    ("POLL__SETTLE", "0s", "0s"),
    ("POLL__LOOKBACK", "1d", "1d"),
    ("POLL__FULL_SWEEP", "1h30m", "1h30m"),
    ("POLL__CONCURRENCY", "4", 4),
    ("ACTIONS__BATCH_SIZE", "1000", 1000),
    ("ACTIONS__MAX_ATTEMPTS_PER_CASE", "2", 2),
    ("ACTIONS__RETRY_MAX_AGE", "1d", "1d"),
    ("ACTIONS__ADOPT_BACKLOG", "true", True),
    ("ACTIONS__CONFIRM_EVERY", "1s", "1s"),
    ("ACTIONS__CONFIRM_TIMEOUT", "1h", "1h"),
    ("LIMITS__RETRIES_PER_HOUR", "0", 0),
    ("LIMITS__RESOLVES_PER_HOUR", "7", 7),
    ("LIMITS__RESOLVE_SHARE_OF_OPEN", "1", 1),
    ("RULES__PATHS", "/a,/b", ["/a", "/b"]),
    ("RULES__WATCH", "false", False),
    ("RECORDINGS__KEEP", "0s", "0s"),
    ("RECORDINGS__MESSAGES", "true", True),
    ("STORE__KEEP", "180d", "180d"),
    ("STORE__URL", "postgresql://db.example.com/flowmend", "postgresql://db.example.com/flowmend"),
    ("SERVER__HOST", "::1", "::1"),
    ("SERVER__PORT", "0", 0),
    ("LOG__FORMAT", "logfmt", "logfmt"),
    ("LOG__LEVEL", "debug", "debug"),
    ("LOG__MESSAGES", "true", True),
    ("NOTIFY__ACME__URL", "mailto://ops.example.com", "**********"),
    ("NOTIFY__ACME__URL_FILE", "/run/ops.apprise", "/run/ops.apprise"),
    ("NOTIFY__ACME__SECRET_FILE", "/run/ops.secret", "/run/ops.secret"),
    ("NOTIFY__ACME__EVENTS", "breaker.opened", ["breaker.opened"]),
    ("NOTIFY__ACME__MIN_INTERVAL", "0s", "0s"),
    ("NOTIFY__ACME__REPEAT", "1d", "1d"),
    ("NOTIFY__ACME__MAX_PER_HOUR", "1", 1),
    ("NOTIFY__ACME__DIGEST", "8h", "8h"),
]


class TestEnvironment:
    @pytest.mark.parametrize(("name", "text", "expected"), ENVIRONMENT, ids=[row[0] for row in ENVIRONMENT])
    def test_every_key_can_be_set_by_a_variable(self, tmp_path: Path, name: str, text: str, expected: object) -> None:
        env = {**TOKEN, f"FLOWMEND_{name}": text}
        if name.startswith("NOTIFY"):
            env = {"FLOWMEND_NOTIFY__ACME__EVENTS": "plan.made", **env}
            named = name.endswith(("__URL", "__URL_FILE"))
            env |= {} if named else {"FLOWMEND_NOTIFY__ACME__URL": "mailto://example.com"}
        value: object = json.loads(load(tmp_path, "", env).model_dump_json())
        for part in name.lower().split("__"):
            assert isinstance(value, dict)
            value = value[part]
        assert value == expected

    def test_the_table_above_has_every_key(self) -> None:
        listed = {tuple("*" if part == "acme" else part for part in row[0].lower().split("__")) for row in ENVIRONMENT}
        assert listed == set(settable())

    def test_a_variable_goes_before_the_file_and_leaves_the_rest_of_the_section(self, tmp_path: Path) -> None:
        settings = load(
            tmp_path, '[poll]\ninterval = "2m"\nsettle = "3s"\n', {**TOKEN, "FLOWMEND_POLL__INTERVAL": "9s"}
        )
        assert settings.poll.interval == timedelta(seconds=9)
        assert settings.poll.settle == timedelta(seconds=3)

    def test_an_underscore_stands_for_the_dash_of_an_accounts_name(self, tmp_path: Path) -> None:
        settings = load(tmp_path, "[accounts.acme-eu]\n", {"FLOWMEND_ACCOUNTS__ACME_EU__TOKEN": "token-of-acme"})
        assert list(settings.accounts) == ["acme-eu"]

    @pytest.mark.parametrize("name", ["FLOWMEND_SERVICE_HOST", "FLOWMEND_PORT", "FLOWMEND_PORT_8765_TCP"])
    def test_what_kubernetes_sets_for_a_service_called_flowmend_is_not_ours(self, tmp_path: Path, name: str) -> None:
        assert load(tmp_path, "", {**TOKEN, name: "tcp://10.0.0.1:8765"}).server.port == 8765


class TestPaths:
    def test_those_of_the_file_count_from_its_folder(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "f.toml").write_text(
            '[accounts.acme]\ntoken_file = "acme.token"\n[rules]\npaths = ["r", "/abs"]\n'
            '[store]\nurl = "sqlite:///./f.db"\n[notify.ops]\nurl_file = "ops"\nevents = ["plan.made"]\n'
        )
        settings = load_settings(Path("etc/f.toml"), {}, tmp_path)
        assert settings.accounts["acme"].token_file == tmp_path / "etc" / "acme.token"
        assert settings.rules.paths == (tmp_path / "etc" / "r", Path("/abs"))
        assert settings.store.url == f"sqlite:///{tmp_path}/etc/f.db"
        assert settings.notify["ops"].url_file == tmp_path / "etc" / "ops"

    def test_those_of_the_environment_count_from_the_working_directory(self, tmp_path: Path) -> None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "f.toml").write_text('[rules]\npaths = ["r"]\n')
        env = {**TOKEN, "FLOWMEND_RULES__PATHS": "mine", "FLOWMEND_STORE__URL": "sqlite:///../f.db"}
        settings = load_settings(Path("etc/f.toml"), env, tmp_path)
        assert settings.rules.paths == (tmp_path / "mine",)
        assert settings.store.url == f"sqlite:///{tmp_path}/../f.db"

    @pytest.mark.parametrize("slashes", ["///", "////"])
    def test_three_slashes_and_four_before_a_path_of_sqlite_are_the_same(self, tmp_path: Path, slashes: str) -> None:
        settings = load(tmp_path, f'[store]\nurl = "sqlite:{slashes}var/lib/flowmend/flowmend.db"\n')
        assert settings.store.url == "sqlite:////var/lib/flowmend/flowmend.db"


class TestToken:
    def test_a_file_is_read_again_each_time(self, tmp_path: Path) -> None:
        account = Account(token_file=tmp_path / "acme.token")
        for token in ("first", "second"):
            (tmp_path / "acme.token").write_text(f"{token}\n")
            assert account.read_token().get_secret_value() == token

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"first\nsecond\n", "more than one line"),
            ("tökensecret".encode(), "pasted"),
            (b"Bearer tokensecret", "pasted"),
            (b"tokensecret\x00", "pasted"),
            (b"\xfftokensecret", "not text"),
        ],
        ids=["empty", "line break alone", "two lines", "not ASCII", "blank", "NUL", "not UTF-8"],
    )
    def test_a_file_that_cannot_be_a_token_is_refused_and_not_repeated(
        self, tmp_path: Path, content: bytes, told: str
    ) -> None:
        (tmp_path / "acme.token").write_bytes(content)
        with pytest.raises(ConfigError, match=told) as refused:
            Account(token_file=tmp_path / "acme.token").read_token()
        assert str(tmp_path / "acme.token") in str(refused.value)
        assert "secret" not in str(refused.value)

    def test_a_file_that_is_gone_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"acme\.token: No such file"):
            Account(token_file=tmp_path / "acme.token").read_token()

    def test_an_account_without_any_has_none_to_read(self) -> None:
        with pytest.raises(ConfigError, match="no token"):
            Account().read_token()

    def test_the_credential_of_systemd_takes_the_place_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "acme.token").write_text("from-systemd")
        (tmp_path / "other.token").write_text("of-nobody")
        text = '[accounts.acme]\ntoken_file = "/etc/flowmend/acme.token"\n'
        settings = load(tmp_path, text, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert settings.accounts["acme"].read_token().get_secret_value() == "from-systemd"
        assert list(settings.accounts) == ["acme"]

    def test_credentials_take_the_place_of_a_channels_files(self, tmp_path: Path) -> None:
        for name in ("ops.apprise", "ops.secret", "lead.secret"):
            (tmp_path / name).write_text(f"{name} from-systemd\n")
        text = '[notify.ops]\nurl_file = "/etc/flowmend/ops.apprise"\nevents = ["plan.made"]\n'
        settings = load(tmp_path, text, {**TOKEN, "CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert settings.notify["ops"].read_url() == "ops.apprise from-systemd\n"
        assert settings.notify["ops"].read_secret() == "ops.secret from-systemd"
        assert list(settings.notify) == ["ops"]

    def test_a_channels_file_that_is_not_there_is_named_when_it_is_read(self, tmp_path: Path) -> None:
        text = '[notify.ops]\nurl_file = "ops.apprise"\nevents = ["plan.made"]\n'
        channel = load(tmp_path, text).notify["ops"]
        with pytest.raises(ConfigError, match=r"address file .*/ops\.apprise: No such file"):
            channel.read_url()

    def test_the_variable_goes_before_the_credential(self, tmp_path: Path) -> None:
        (tmp_path / "acme.token").write_text("from-systemd")
        settings = load(tmp_path, "[accounts.acme]\n", {**TOKEN, "CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert settings.accounts["acme"].read_token().get_secret_value() == "token-of-acme"

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
    def test_a_sandbox_on_this_machine_may_have_it_in_the_configuration(self, tmp_path: Path, host: str) -> None:
        text = f'[accounts.acme]\nbase_url = "http://{host}:8080/v1/"\ntoken = "sandbox-token"\n'
        account = load(tmp_path, text, {}).accounts["acme"]
        assert account.read_token().get_secret_value() == "sandbox-token"
        assert account.base_url == f"http://{host}:8080/v1"

    def test_secrets_are_collected_for_the_log_and_shown_nowhere_else(self, tmp_path: Path) -> None:
        env = {
            **TOKEN,
            "FLOWMEND_STORE__URL": "postgresql://flowmend:p%40ssword@db.example.com/flowmend",
            "FLOWMEND_NOTIFY__OPS__URL": "slack://hook-secret",
            "FLOWMEND_NOTIFY__OPS__EVENTS": "plan.made",
        }
        settings = load(tmp_path, "", env)
        assert settings.secrets() == ("token-of-acme", "slack://hook-secret", "p%40ssword", "p@ssword")
        assert not any(secret in repr(settings) for secret in settings.secrets())


class TestExample:
    def test_its_values_are_the_defaults(self, tmp_path: Path) -> None:
        text = EXAMPLE.read_text()
        loaded = load(tmp_path, text).model_dump(mode="json")
        defaults = load(tmp_path, "").model_dump(mode="json")
        assert loaded["accounts"]["acme"].pop("token_file") == "/etc/flowmend/acme.token"
        assert defaults["accounts"]["acme"].pop("token_file") is None
        assert loaded == defaults

    def test_it_shows_every_key(self) -> None:
        lines = [line.removeprefix("#") if line[1:2].strip() else line for line in EXAMPLE.read_text().split("\n")]
        shown = tomllib.loads("\n".join(lines))
        found: set[tuple[str, ...]] = set()
        for name, section in shown.items():
            if name in {"accounts", "notify"}:
                found |= {(name, "*", key) for one in section.values() for key in one}
            else:
                found |= {(name, key) for key in section} if isinstance(section, dict) else {(name,)}
        assert found == set(settable())


class TestSchema:
    def test_every_key_has_a_description_in_one_line_and_examples_that_are_valid(self) -> None:
        schema = settings_json_schema()
        keys = {
            f"{name}.{key}": value
            for name, part in {"": schema, **schema["definitions"]}.items()
            for key, value in part["properties"].items()
        }
        assert len(keys) > 40
        for name, value in keys.items():
            assert value["description"], name
            assert "\n" not in value["description"], name
            assert value["examples"], name
            assert value.get("default") is None or value["default"] != value["examples"], name
            for example in value["examples"]:
                Draft7Validator({**value, "definitions": schema["definitions"]}).validate(example)

    def test_what_the_schema_calls_a_default_is_one_that_a_file_may_write(self) -> None:
        schema = settings_json_schema()
        for part in (schema, *schema["definitions"].values()):
            for name, value in part["properties"].items():
                if "default" in value:
                    assert Draft7Validator({**value, "definitions": schema["definitions"]}).is_valid(
                        value["default"]
                    ), name

    def test_it_is_a_draft_07_schema_that_the_example_fits(self) -> None:
        schema = settings_json_schema()
        Draft7Validator.check_schema(schema)
        assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
        assert list(Draft7Validator(schema).iter_errors(tomllib.loads(EXAMPLE.read_text()))) == []
        assert "$defs" not in json.dumps(schema)

    @pytest.mark.parametrize(
        "wrong",
        [{"mode": "watch"}, {"poll": {"intervall": "1m"}}, {"poll": {"interval": "90"}}, {"accounts": {"A": {}}}],
    )
    def test_it_refuses_what_loading_refuses(self, wrong: dict[str, object]) -> None:
        assert list(Draft7Validator(settings_json_schema()).iter_errors(wrong)) != []

    def test_every_key_says_what_it_is_for(self) -> None:
        definitions = settings_json_schema()["definitions"]
        bare = [
            key
            for one in definitions.values()
            for key, value in one["properties"].items()
            if not value.get("description")
        ]
        assert bare == []
