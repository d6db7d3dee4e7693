"""The values that stand in the messages of `held_out_errors.py`: all made up, as varied as those systems have them."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from string import ascii_letters, ascii_uppercase, digits
from urllib.parse import quote
from uuid import UUID

Make = Callable[[Random], str]

FIRST = ("Anna", "Björn", "Chloé", "Dmitri", "Esther", "François", "Giulia", "Hans-Peter", "Inés", "José María", "Li", "Mary Ann", "Siobhán", "Tom", "Zoë")  # fmt: skip
LAST = ("Becker", "de la Cruz", "García López", "Kowalski", "Lefèvre", "McArthur", "Müller", "Nguyen", "O'Brien", "Schmidt-Vogel", "Smith", "van Dijk", "Weiß")  # fmt: skip
NAMES = ("Acme", "Alpine Outfitters", "Blue Ridge Trading", "Brüder Hansen", "Café Mirabelle", "Cooper & Sons", "Délices du Midi", "Eastside Bike Shop", "Forest", "Grüne Wiese", "Kids 4 Fun", "Nordlicht", "O'Malley's Pub", "Sports Direct 24", "The Tea Company", "Zapatería El Paso")  # fmt: skip
LEGAL = ("GmbH", "GmbH & Co. KG", "Inc.", "LLC", "Ltd", "S.A.", "S.L.", "AG", "B.V.", "", "Pty Ltd")
THINGS = ("Jacket", "Trail Shoe", "Mug", "Coffee Grinder", "Hoodie", "T-Shirt", "Water Bottle", "LED Lamp 12V", "Tent 3P", "Gift Card", "Wool Socks (3 pack)", "Chaise longue", "USB-C Cable 2 m")  # fmt: skip
KINDS = ("Alpine", "Compete", "Classic", "Eco", "Premium", "Junior", "Men's", "Pro 2.0", "Summer '26", "Vintage")
COLOURS = ("Black", "navy blue", "Red/White", "Off-White", "grün", "Bleu marine", "XL", "Size 42", "1.5 l")
CITIES = ("Köln", "Frankfurt am Main", "Bad Homburg v. d. Höhe", "Berlin", "Sankt Augustin", "Graz", "München", "Ulm")
OPTIONS = ("lead", "customer", "opportunity", "subscriber", "evangelist", "other", "salesqualifiedlead", "Not a fit", "In Progress")  # fmt: skip
PROPERTIES = ("lifecyclestage", "hs_lead_status", "netsuite_customer_id", "industry", "customer_tier", "vat_number", "preferred_store")  # fmt: skip
FIELDS = ("name", "price", "weight", "variants.0.sku", "billing_address.country_iso2", "products.0.quantity", "categories")  # fmt: skip
COLUMNS = ("email", "phone", "customer_name", "unit_price", "qty", "ShipToName", "Address2", "tax_code")
TABLES = ("Customer", "SalesOrder", "SalesOrderLine", "Invoice", "ItemPrice", "Shipment")
GQL = ("sku", "price", "quantity", "shippingAddress", "lineItems", "metafields", "unitCost", "trackingNumber")
TYPES = ("Money", "OrderInput", "String", "ProductVariant", "Decimal", "FulfillmentLineItem", "[LineItemInput!]")
RULES = ("Abort if closed", "Validate caller", "Check mandatory CI", "INC - Prevent duplicate from integration", "Data lookup v2")  # fmt: skip
TEAMS = ("Service Desk", "Support Niveau 2", "Réseau & Télécom", "ERP", "Achats (Lyon)")
TICKET_FIELDS = ("Order number", "Category", "Root cause", "Product/SKU", "Reason for return", "Type")
TAX = ("OUTPUT2", "GST on Income", "20% (VAT on Income)", "TAX001", "INPUT", "Zero Rated EC Services", "BASEXCLUDED")
SERVICE = ("UPS Ground", "FEDEX_GROUND", "UPS 2nd Day Air A.M.", "Standard", "GROUND_HOME_DELIVERY", "03")
SHEETS = ("Sheet1", "'Price list'", "Orders", "'Orders 2026'", "'Rückgaben Q4'", "Tabelle1", "stock_levels", "'Jan - Mar'")  # fmt: skip
PARTNERS = ("ACME_AS2", "WALMART-AS2", "Kaufhaus Nord", "0041234000006", "retailer.example.com", "TARGET AS2 PROD")
SENDERS = ("ZZ:ACMECORP", "01:049894301", "12:8005551212", "08:6111470100", "ZZ:KAUFHAUSNORD", "14:4012345000009")
SEGMENTS = ("NAD", "LIN", "DTM", "QTY", "PRI", "RFF")
FOLDERS = (
    "outbound",
    "inbound",
    "EDI/850",
    "archive/2026/11",
    "in/orders",
    "Bestellungen",
    "from partner/new",
    "feeds",
)
FILES = ("orders", "INVENTORY", "asn_856", "price list", "Retouren", "shipments", "catalogue-fr")
HOSTS = ("sftp.example.com", "db-prod-1.internal.example.net", "erp.example.de", "pg", "warehouse.example.org", "ftp2.example.co.uk")  # fmt: skip
LOGINS = ("celigo", "integration-prod", "svc_edi", "acme_ftp", "io.user", "b2b")
WORDS = ("N/A", "TBD", "12 pcs", "A-1045", "one", "unknown", "k.A.", "1,5", "#REF!", "10 x 2", "see notes")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "JPY", "CAD")
FRAMES = (
    "com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:{})",
    "com.example.erp.OrderRepository.save(OrderRepository.java:{})",
    "com.example.erp.sync.CustomerWriter.lambda$write$0(CustomerWriter.java:{})",
    "java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:{})",
    "java.base/java.lang.Thread.run(Thread.java:{})",
)


def number(low: int, high: int) -> Make:
    return lambda chance: str(chance.randint(low, high))


def of(choices: Sequence[str]) -> Make:
    return lambda chance: chance.choice(choices)


def signs(alphabet: str, count: int, before: str = "") -> Make:
    return lambda chance: before + "".join(chance.choices(alphabet, k=count))


def one_of(*makes: Make) -> Make:
    return lambda chance: chance.choice(makes)(chance)


def moment(chance: Random) -> datetime:
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(690 * 86_400))


def day(form: str) -> Make:
    return lambda chance: moment(chance).strftime(form)


def guid(chance: Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def plain_amount(chance: Random) -> str:
    whole = chance.choice((99, 9_999, 99_999, 1_500_000))
    return f"{chance.randint(0, whole)}{chance.choice(('', '.5', '.00', f'.{chance.randint(10, 99)}'))}"


def amount(chance: Random) -> str:
    return f"{chance.choice((1, 1, 1, -1)) * chance.randint(1, 9_999_999) / 100:,.2f}"


def german_amount(chance: Random) -> str:
    return amount(chance).translate(str.maketrans(",.", ".,"))


def money(chance: Random) -> str:
    return f"{chance.choice('€$£')}{chance.randint(100, 999_999) / 100:,.2f}"


def person(chance: Random) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(LAST)}"


def company(chance: Random) -> str:
    return f"{chance.choice(NAMES)} {chance.choice(LEGAL)}".strip()


def title(chance: Random) -> str:
    name = " ".join((*chance.sample(KINDS, chance.randint(0, 2)), chance.choice(THINGS)))
    return name if chance.random() < 0.5 else f"{name}{chance.choice((' - ', ', ', '-'))}{chance.choice(COLOURS)}"


def slug(chance: Random) -> str:
    return "-".join(
        chance.sample(("trail", "jacket", "mens", "2026", "blue", "xl", "sale", "new"), chance.randint(1, 4))
    )


def email(chance: Random) -> str:
    name = chance.choice(("anna.becker", "jsmith", "info", "buchhaltung", "m.o'brien", "zoe+orders", "sales_emea"))
    return f"{name}{chance.choice(('', str(chance.randint(1, 999))))}@{chance.choice(('', 'mail.', 'shop.'))}example.{chance.choice(('com', 'org', 'de', 'co.uk'))}"


def bad_email(chance: Random) -> str:
    return chance.choice((email(chance).replace("@", " at "), email(chance).replace("@", "@@"), f"{slug(chance)}@", "none", email(chance) + ";"))  # fmt: skip


def sku(chance: Random) -> str:
    return chance.choice(
        (
            signs(ascii_uppercase, 3)(chance) + f"-{chance.randint(1, 9_999):04}",
            f"{chance.choice(('MH', 'TS', 'WJ'))}{chance.randint(1, 99):02}-{chance.choice(('S', 'M', 'XL'))}-{chance.choice(('Black', 'Blue', 'Red'))}",
            signs(digits, 13)(chance),
            f"{signs(ascii_uppercase, 2)(chance)} {chance.randint(100, 9_999)}",
            f"{chance.choice(('mug', 'tent', 'sock'))}_{chance.randint(1, 500)}.{chance.randint(0, 9)}",
        )
    )


def some_options(chance: Random) -> str:
    return ", ".join(chance.sample(OPTIONS, chance.randint(2, len(OPTIONS))))


def missing_fields(chance: Random) -> str:
    return ",".join(f'"{each}":"error.path.missing"' for each in chance.sample(FIELDS, chance.randint(1, 4)))


def jira_fields(chance: Random) -> str:
    names = [f"customfield_{chance.randint(10_000, 14_999)}" for _ in range(chance.randint(1, 4))]
    wrong = "cannot be set. It is not on the appropriate screen, or unknown."
    return ",".join(f'"{name}":"Field \'{name}\' {wrong}"' for name in names)


def graphql(chance: Random) -> str:
    said = {"sku": f'"{sku(chance)}"', "quantity": few(chance), "note": f'"{title(chance)}"', "gift": "false", "date": f'"{moment(chance):%F}"'}  # fmt: skip
    return (
        "{ " + ", ".join(f"{name}: {said[name]}" for name in chance.sample(sorted(said), chance.randint(1, 4))) + " }"
    )


def file(chance: Random) -> str:
    return f"{chance.choice(FILES)}{chance.choice(('_', '-', ' '))}{moment(chance):{chance.choice(('%Y%m%d', '%F', '%Y%m%d%H%M%S'))}}.{chance.choice(('csv', 'xml', 'txt', 'edi', 'CSV'))}"


def path(chance: Random) -> str:
    return f"/{'/'.join(chance.sample(FOLDERS, chance.randint(1, 3)))}/{file(chance)}"


def image(chance: Random) -> str:
    return f"https://cdn.example.{chance.choice(('com', 'net'))}/{chance.choice(('media/catalog', 'images', 'wp-content/uploads/2026/11'))}/{quote(title(chance))}.{chance.choice(('jpg', 'png', 'webp?v=2'))}"


def stack(chance: Random) -> str:
    frames = [frame.format(chance.choice((47, 128, 221, 1_136))) for frame in FRAMES[: chance.randint(2, len(FRAMES))]]
    return "".join(f"\n\tat {frame}" for frame in frames) + f"\n\t... {chance.randint(5, 40)} more"


def zip_code(chance: Random) -> str:
    return chance.choice((f"{chance.randint(501, 99_950):05}", f"{chance.randint(10_000, 99_950)}-{chance.randint(1, 9_999):04}", "V6B 4Y8", "SW1A 1AA", "K1A-0B1"))  # fmt: skip


def weight(chance: Random) -> str:
    return f"{chance.randint(1, 20_000) / 100} {chance.choice(('lbs', 'kg', 'LB'))}"


def spanish_day(chance: Random) -> str:
    at: date = moment(chance)
    return f"{at.day} de {('enero', 'marzo', 'mayo', 'julio', 'octubre', 'noviembre')[at.month // 2 % 6]} de {at.year}"


few = number(1, 48)
order = one_of(signs(digits, 6, "#"), signs(digits, 9), signs(ascii_uppercase + digits, 8, "WEB-"), signs(digits, 5, "SO"))  # fmt: skip
VALUES: dict[str, Make] = {
    "account": number(100, 999_999), "amount": amount, "amountde": german_amount,
    "aws16": signs(ascii_uppercase + digits, 16), "awstime": day("%Y%m%dT%H%M%SZ"), "bademail": bad_email,
    "base64": signs(ascii_letters + digits + "+/", 43, "A"), "bucket": of(("acme-feeds", "prod.exports", "edi-inbound-eu")),
    "businessrule": of(RULES), "bytes": number(0, 99_999), "charge": signs(ascii_letters + digits, 24, "ch_3"),
    "city": of(CITIES), "column": of(COLUMNS), "company": company, "country": of(("US", "DE", "GB", "MX", "CA")),
    "coupon": one_of(of(("WELCOME10", "summer sale", "BLACK-FRIDAY", "10%OFF")), signs(ascii_uppercase + digits, 8)),
    "currency": of(CURRENCIES), "currencylow": of(("xyz", "euro", "rmb", "us$", "gbp.", "btc")),
    "customer": one_of(number(10_000, 99_999), signs(digits, 5, "C"), signs(digits, 6, "CUST-"), company),
    "dataelement": number(1_001, 9_999), "date": one_of(day("%d.%m.%Y"), day("%m/%d/%y"), day("%F"), day("%d-%b-%Y")),
    "datees": spanish_day, "digit": number(1, 9), "document": one_of(signs(digits, 6, "S-ORD"), signs(digits, 5, "VR")),
    "ediref": one_of(number(1, 99_999), signs(ascii_uppercase + digits, 12)), "edisender": of(SENDERS), "email": email,
    "entity": of(("account", "contact", "Opportunity", "salesorder", "new_shipment")), "few": few, "file": file,
    "fraction": lambda chance: f"{chance.randint(1, 59)}.{chance.randint(0, 999):03}", "gln": signs(digits, 9, "4012"),
    "gqlfield": of(GQL), "gqltype": of(TYPES), "graphql": graphql, "guid": guid, "hex32": signs("0123456789ABCDEF", 32),
    "host": of(HOSTS), "id11": number(10**9, 10**11), "id12": signs(digits, 12), "id5": number(1, 99_999),
    "id7": number(10**5, 10**7), "id9": signs(digits, 9), "idoc": signs(digits, 9, "0000000"), "image": image,
    "invoice": one_of(signs(digits, 4, "INV-"), number(1_000, 99_999), signs(digits, 5, "2026/")),
    "ip": lambda chance: ".".join(str(chance.randint(1, 254)) for _ in range(4)),
    "isotime": one_of(day("%FT%TZ"), day("%FT%T.4471233Z"), day("%F %TZ")), "jirafields": jira_fields,
    "letter": of("CFKMZ"), "location": signs(digits, 2, "00"), "logicalsystem": of(("CELIGO", "SHOPPROD", "EDI_GW")),
    "login": of(LOGINS), "longdate": day("%-d %B %Y"), "material": one_of(signs(digits, 7), signs(digits, 4, "FG-"), sku),
    "messageid": lambda chance: f"{guid(chance)}@{chance.choice(HOSTS)}", "millis": number(1, 3_600_000),
    "missing": missing_fields, "money": money, "option": of(("Prospect", "VIP customer", "Kunde", "tier_1", "lead ", "")),
    "options": some_options, "order": order, "partner": of(PARTNERS), "path": path, "period": of(("001", "010", "011", "012")),
    "person": person, "pid": number(51, 32_000), "plainamount": plain_amount, "plant": of(("1000", "1010", "2000", "DE01", "US10")),
    "po": one_of(signs(digits, 10, "45"), signs(digits, 6, "PO-"), signs(ascii_uppercase + digits, 7), order),
    "port": of(("50051", "443", "9090")), "property": of(PROPERTIES), "quantityde": lambda chance: f"{chance.randint(1, 900)},000",
    "row": number(1, 20_000), "sapcustomer": signs(digits, 8), "sapdocument": signs(digits, 8, "00"),
    "sapobject": lambda chance: f"{chance.randint(10**9, 10**10)}{chance.choice(('DE01', 'US10'))}{moment(chance).year}",
    "saptime": day("%Y%m%d%H%M%S.7180000"), "sapuser": one_of(of(("SMITHJ", "RFC_CELIGO", "BATCH", "MUELLERA")), signs(digits, 6, "U")),
    "seconds": of(("600", "3600", "172800")), "segment": of(SEGMENTS), "service": of(SERVICE), "sheet": of(SHEETS),
    "shipstatus": of(("shipped", "cancelled", "awaiting shipment", "on hold")), "sku": sku, "slug": slug, "stack": stack,
    "state": of(("CA", "NY", "TX", "WA", "QC")), "stripecustomer": signs(ascii_letters + digits, 14, "cus_"),
    "stripeprice": signs(ascii_letters + digits, 24, "price_1"), "striperequest": signs(ascii_letters + digits, 14, "req_"),
    "table": of(TABLES), "tableupper": of(("ORDERS", "STG_CUSTOMERS", "FCT_SALES", "DIM_ITEM_V2")), "taxtype": of(TAX),
    "team": of(TEAMS), "ticketfield": of(TICKET_FIELDS), "title": title,
    "transaction": of(("Invoice", "Bill", "Sales Receipt", "Credit Memo")), "two": of(("00", "01", "10", "20")),
    "weight": weight, "width": of(("20", "50", "255")), "word": of(WORDS), "year": of(("2024", "2025", "2026", "2027")),
    "zip": zip_code, "zipde": signs(digits, 4, "5"),
}  # fmt: skip
