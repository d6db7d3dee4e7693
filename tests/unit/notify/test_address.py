import pytest

from daemon.core.exceptions import ConfigError
from daemon.notify.address import Service, Webhook, parse_address, secrets_of

GOOD = {
    "webhook": ("webhook+https://hooks.example.com/a?b=c\n", "key", Webhook(url="https://hooks.example.com/a?b=c", secret=b"key")),
    "webhook on this machine": ("webhook+http://127.0.0.1:8080/", "key", Webhook(url="http://127.0.0.1:8080/", secret=b"key")),
    "service": (" slack://a/b/c ", None, Service(url="slack://a/b/c")),
}  # fmt: skip

BAD = {
    "empty": ("\n", None, "one line with one URL"),
    "two": ("slack://secretive\nmailto://x\n", None, "one line with one URL"),
    "no url": ("secretive", None, "no URL"),
    "http over a network": ("webhook+http://secretive.example.com/", "key", "is http"),
    "not a web address": ("webhook+ftp://secretive.example.com/", "key", "must be like webhook"),
    "no host": ("webhook+https:///secretive", "key", "must be like webhook"),
    "no port": ("webhook+https://secretive.example.com:x/", "key", "must be like webhook"),
    "unsigned": ("webhook+https://secretive.example.com/", None, "needs secret_file"),
    "signed with nothing": ("webhook+https://secretive.example.com/", "", "needs secret_file"),
    "signature that nobody makes": ("slack://secretive", "key", "leave secret_file out"),
}


@pytest.mark.parametrize("case", GOOD)
def test_an_address_is_a_webhook_or_a_service(case: str) -> None:
    text, secret, expected = GOOD[case]
    assert parse_address(text, secret) == expected


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_an_address_is_refused_without_being_repeated(case: str) -> None:
    text, secret, expected = BAD[case]
    with pytest.raises(ConfigError, match=expected) as refused:
        parse_address(text, secret)
    assert "secretive" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "secret", "expected"),
    [
        (
            "webhook+https://hooks.example.com/services/T0A1B2C3?token=hush-hush",
            "key",
            {"T0A1B2C3", "hush-hush", "key"},
        ),
        ("mailtos://ann:p%40ssword@mail.example.com/boss", None, {"p%40ssword", "p@ssword"}),
        (
            "mailtos://flowmend:pass:word@mail.example.com?smtp=smtp.example.com&from=Flowmend&name=orders&format=markdown",
            None,
            {"pass:word"},
        ),
        ("ntfys://tk-4711-abc@ntfy.example.com/orders?auth=bearer&apikey=hushhush", None, {"tk-4711-abc", "hushhush"}),
        ("slack://TokenAAAA/TokenBBBB/general", None, {"TokenAAAA", "TokenBBBB"}),
    ],
    ids=["webhook", "mail", "words", "a key as the user", "slack"],
)
def test_what_is_hidden_of_an_address_are_its_keys_and_no_innocent_words(
    text: str, secret: str | None, expected: set[str]
) -> None:
    address = parse_address(text, secret)
    assert set(secrets_of(address)) == expected | {address.url}
    assert "hush" not in repr(address)
