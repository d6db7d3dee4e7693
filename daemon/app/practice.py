"""Practice: a folder with all that is needed to try rules on a sandbox."""

import shutil
from pathlib import Path

from daemon.app.demo import shipped_rules
from daemon.core.exceptions import ConfigError
from daemon.sandbox import Options

CONFIG = """\
# An account to practise on: what `flowmend sandbox` serves. Nothing here reaches anybody's ERP.
mode = "observe"            # reads and judges only; "enforce" lets it act. A service that runs already: restart it

[accounts.practice]
base_url = "{base_url}"
token_file = "token"

[poll]
interval = "5s"
settle = "0s"

[actions]
adopt_backlog = true        # on an account of your own, errors from before the first run are left to people
confirm_every = "2s"

[limits]
retries_per_hour = 5000
resolves_per_hour = 1000

[rules]
paths = ["rules"]           # a copy of the shipped ones: change them as you like

[store]
url = "sqlite:///./flowmend.db"

[server]
port = 0                    # any that is free: a service of yours may use the usual one
"""


def make_practice(folder: Path, base_url: str) -> bool:
    """Make *folder* with a configuration for the sandbox at *base_url* and a copy of the shipped rules.

    One that is there stays as it is; return whether it was made.

    Raises:
        ConfigError: it is there for another address, is something else, or cannot be made.
    """
    config = folder / "config.toml"
    try:
        if config.exists():
            if f'"{base_url}"' not in config.read_text(encoding="utf-8"):
                raise ConfigError(
                    f"{config} does not name the sandbox at {base_url}, so flowmend would not find it from there; "
                    "serve on the port that it names (--port), or name another folder"
                )
            return False
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and has no config.toml; name a new folder to practise in")
        shutil.copytree(shipped_rules(), folder / "rules")
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(f"{Options().token}\n", encoding="utf-8")
        config.write_text(CONFIG.format(base_url=base_url), encoding="utf-8")
    except (OSError, UnicodeError) as refused:
        why = (refused.strerror if isinstance(refused, OSError) else "") or str(refused)
        raise ConfigError(f"no folder to practise in could be made at {folder}: {why}") from None
    return True
