"""What in errors and records is personal or secret: how it looks in running text, and how the fields are called.

Numbers, addresses of mail and machines, and account numbers have a form of their own and are found wherever they stand.
Names and streets have none; they are found under their fields, behind words that announce them, and then everywhere.
"""

from collections.abc import Mapping

WORD = r"[\p{L}\p{N}_+%-]"
NAME = r"\p{Lu}[\p{L}'-]+"

PATTERNS: tuple[Mapping[str, str], ...] = (
    {
        "mail": rf"{WORD}(?:[\p{{L}}\p{{N}}._+%'-]*{WORD})?@[\p{{L}}\p{{N}}](?:[\p{{L}}\p{{N}}.-]*[\p{{L}}\p{{N}}])?",
        "key": r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",
        "uuid": r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    },
    {
        "moment": r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?\b",
        "secret": r"(?:(?i:\b(?:bearer|basic)\s+|(?:token|secret|password|passwd|signature|api[_-]?key|client[_-]?id|session)[\"']?\s?[:=]\s?[\"']?))(?P<secret>[A-Za-z0-9._~+/=-]{4,})",
        "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
        "machine": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
    },
    {
        "person": rf"(?:\b(?:Mr|Mrs|Ms|Dr|Herr|Frau)\.? |\b(?i:customer|contact|employee|addressee|attention|attn|recipient|buyer|consignee|cardholder)(?i: name)?[\"']?\s?[:=]?\s[\"']?)(?P<person>{NAME}(?: {NAME}){{1,2}})",
        "place": rf"\b\d{{1,5}}[A-Za-z]? (?:{NAME} ){{1,4}}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Square|Terrace)\b|\b\p{{Lu}}[\p{{L}}-]*(?:straße|strasse|weg|platz|allee|gasse) \d{{1,4}}[a-z]?\b",
        "token": r"\b[A-Za-z0-9_-]{24,}\b",
    },
    {
        "number": r"\+?\(?\p{Nd}(?:[ ().\-/]{0,2}\p{Nd}){5,}",
    },
)
"""How each kind looks, the surest first. Moments stay as they are; they stand here so that nothing else takes them."""

CERTAIN = frozenset({"mail", "key", "uuid", "iban", "machine", "number"})
"""What is replaced even where a rule asks for it."""

FIELDS: Mapping[str, str] = {
    "mail": "email mail emailaddress",
    "phone": "phone phonenumber telephone tel mobile mobilephone fax cell cellphone",
    "person": (
        "name firstname lastname middlename fullname givenname familyname surname customername contactname contact "
        "shipname billname shiptoname billtoname recipient recipientname addressee attention attn cardholder "
        "cardholdername buyer buyername consignee customer employee salesrep"
    ),
    "company": "company companyname organization organisation",
    "place": (
        "address address1 address2 address3 addr addr1 addr2 addr3 street street1 street2 streetaddress line1 line2 "
        "addressline1 addressline2 city town suburb"
    ),
    "code": "zip zipcode postalcode postcode plz dob birthdate dateofbirth ssn taxid vatid vatnumber taxnumber cvv pin",
    "secret": "password passwd token accesstoken refreshtoken secret clientsecret apikey authorization signature session",
    "iban": "iban accountnumber bankaccount routingnumber cardnumber creditcard ccnumber pan",
}
KIND_OF_FIELD: Mapping[str, str] = {name: kind for kind, names in FIELDS.items() for name in names.split()}
"""The kind of what stands in a field, by its name in small letters and without signs."""


def kind_of(field: str) -> str:
    """Return the kind of what stands in *field*, or ""."""
    return KIND_OF_FIELD.get("".join(char for char in field.lower() if char.isalnum()), "")
