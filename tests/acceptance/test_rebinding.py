"""A store under another user's token, by commands: it is refused, and follows the account once it is told to."""

import json
from pathlib import Path

from tests.acceptance.command import flowmend, served_sandbox, write_config

SHIPPED = Path(__file__).parents[2] / "rules"


def test_a_store_of_another_user_is_refused_with_2_until_it_is_told_to_follow(tmp_path: Path) -> None:
    with served_sandbox(tmp_path, "--world", "tiny", "--errors", "5") as sandbox:
        write_config(tmp_path, sandbox.url, SHIPPED, mode="observe")
        unbound = flowmend("db", "rebind", "--account", "acme", cwd=tmp_path)
        assert (unbound.returncode, "there is no store" in unbound.stderr) == (2, True)
        assert flowmend("once", "--json", cwd=tmp_path).returncode == 0

        sandbox.act(do="token", user="another-user")
        for command in (["once"], ["plan"]):
            done = flowmend(*command, "--json", cwd=tmp_path)
            assert done.returncode == 2, done.stderr
            assert "another-user" in done.stderr
            assert "flowmend db rebind --account acme" in done.stderr
            assert "sandbox-token" not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr

        assert flowmend("db", "rebind", "--account", "nobody", cwd=tmp_path).returncode == 2
        assert flowmend("db", "rebind", cwd=tmp_path).returncode == 2
        told = json.loads(flowmend("db", "rebind", "--account", "acme", "--json", cwd=tmp_path).stdout)
        assert told["was"]["base_url"] == sandbox.url
        assert "belonged to nobody" in flowmend("db", "rebind", "--account", "acme", cwd=tmp_path).stdout

        done = flowmend("once", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["accounts"]["acme"]["open"] == 5
