"""Rule files that nobody named: where no configuration says which they are, the command does."""

from pathlib import Path

import pytest

from daemon.cli.options import rule_paths


@pytest.mark.parametrize(
    ("config", "named", "found"),
    [
        pytest.param("", ["a.yaml"], "a.yaml", id="named"),
        pytest.param('[rules]\npaths = ["mine"]\n', [], "mine", id="configured"),
        pytest.param("", [], "rules", id="neither"),
    ],
)
def test_it_is_told_which_rules_are_meant_where_no_configuration_says_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    named: list[str],
    found: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if config:
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")

    paths = rule_paths([tmp_path / name for name in named], None)

    assert list(paths) == [tmp_path / found]
    told = f"flowmend: no configuration was found here, so this is about {tmp_path / 'rules'}\n"
    assert capsys.readouterr().err == (told if found == "rules" else "")
