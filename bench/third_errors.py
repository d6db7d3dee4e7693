"""A third corpus of integration errors, by somebody who had seen neither the miner nor the two corpora before it.

The miner was mended by what the second corpus showed, so that one is seen. This one was committed before the miner was
ever run on it, and neither is changed by what it shows. A template is what a person would call the same cause: the
same text with other values, be they a number, a name of four words, a list of one to four or a field's name.
"""

import random
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bench.integration_errors import Sample

TEMPLATES: tuple[str, ...] = (
    # ERP and finance
    "The supplier site isn't valid for supplier {company}. Supplier Number: {int6}. (AP-810165)",
    "ORA-00001: unique constraint (XXINT.{table}_PK) violated",
    "JBO-27014: Attribute {attribute} in {entity}AM.{entity}VO is required.",
    "You must enter a valid transaction type for invoice {invoice}. The transaction date is {iso_date}.",
    "Validation error occurred. Invalid ID value. '{int6}' is not a valid ID value for type = 'Employee_ID'",
    "Processing error occurred. The task submitted is not authorized. Workday reference {hex32}",
    "Validation error occurred. The entry date {iso_date} is before the hire date {iso_date} of {person}.",
    "Inserting 'Sales Order Line' record raised at least one error. Please review the errors. {company} / {order}",
    "AR Error: The customer with the {short_code} account ID is on credit hold. Balance {amount}, limit {amount}.",
    "PX.Data.PXException: Error: The financial period {period} is closed in the {company} company.",
    "Odoo Server Error: The operation cannot be completed: missing required field '{odoo_field}' on model '{model}'",
    "odoo.exceptions.UserError: You cannot validate a transfer if no quantities are reserved nor done. Picking: {pick}",
    "Part {sku} is inactive. Sales order {int6} line {line} cannot be created in plant {plant}.",
    "Ice.Common.BusinessObjectException: Record not found. Table Erp.Customer, CustID {short_code}",
    "Exchange rate from {currency} to {currency} is not defined for {iso_date}.",
    # procurement
    "Supplier {company} is not active",
    "Invoice number {invoice} has already been taken for supplier {company}",
    "Order line {line} is soft closed for receiving. PO {int6}",
    "Buyer ANID {anid} has no trading relationship with supplier ANID {anid}.",
    "Unit price {amount} exceeds the contract price {amount} for item {sku} by more than the tolerance of {percent}%",
    "Budget check failed for cost center {int4}: requested {amount} {currency}, available {amount} {currency}",
    # marketing
    "{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.",
    "{email} looks fake or invalid, please enter a real email address.",
    "Invalid Resource: Your merge fields were invalid. {merge_field}: Please enter a value",
    'duplicate_profile: A profile already exists with one of these identifiers. {"duplicate_profile_id":"{ulid}"}',
    "Invalid phone number format (Example of a valid format: +12345678901). Received: {phone}",
    "[1003] Field '{crm_field}' with value '{title}' must be a type of integer",
    "[606] Max rate limit '100' exceeded with in '20' secs",
    # billing
    "Transaction declined.402 - [card_error/card_declined/{decline}] payment for subscription {sub} failed",
    "The Account {zuora} is not in an active state. Bill run BR-{int8} skipped it.",
    "Invoice {invoice} can't be voided: a payment of {amount} {currency} was applied on {iso_date}",
    "Lock contention: another operation is being performed on customer {hex24}. Please retry in {int2} seconds.",
    "Your card was declined. Payment intent pi_{b64} of {email}, amount {amount} {currency}",
    # tax
    "AddressNotGeocoded: The address '{street}, {city}' could not be geocoded; tax jurisdiction unknown",
    "TaxCodeNotFound - Tax code {tax_code} on line {line} doesn't exist for company {short_code}",
    "DocStatusError: Document {order} was already committed on {iso_date}; adjust it instead",
    "to_zip {zip} is not used within to_state {state}",
    # marketplaces
    "Purchase order {int13} line {line} is already in Shipped status and can't be acknowledged.",
    "The GTIN {int13} you supplied for SKU {sku} matches an item of another brand ({company}).",
    "The item specific {specific_missing} to this listing, enter a valid value, and then try again.",
    "You've reached the number of items you can list this month. Listing: {title}",
    "Input data for tag <Item.SKU> is invalid or missing. Please check API documentation. Item {int12}",
    "The merchant shipping group '{service}' does not exist for seller {amazon_seller}",
    "90220: '{specific}' is required but not supplied. SKU: {sku}",
    "Order {amazon_order} was already refunded in full ({amount} {currency}).",
    # warehouse and carriers
    "No stock available in warehouse {plant} for: {skus}",
    "Item(s) {skus} unknown to client {short_code}; ASN {int7} was not received",
    "Pallet {sscc} was scanned twice at dock door {int2}.",
    "Shipment {order}: the requested pickup date {iso_date} is not a working day in {city}, {country}.",
    "8009: Invalid value in field 'incoterm' for destination country {country}; consignee {person}",
    "The postal code {zip} is not serviced by product {service} from {city}.",
    "Weight of {weight} kg is over the {weight} kg limit of service {service}",
    # data stores and messaging
    "KafkaError: Broker: Unknown topic or partition [{topic}-{int2}] at offset {int9}",
    "The request included a message larger than the max message size the server will accept ({int7} bytes).",
    'E11000 duplicate key error collection: {db}.{table_low} index: external_id_1 dup key: { external_id: "{order}" }',
    "MongoServerSelectionError: connection timed out to {host}:27017",
    "[mapper_parsing_exception] failed to parse field [{odoo_field}] of type [date] in document with id '{hex24}'",
    "version conflict, document already exists (current version [{int2}]) [{table_low}/{int8}]",
    "-MOVED {int5} {ip}:6379",
    "LDAP: error code 49 - 80090308: LdapErr: DSID-{hex8}, comment: AcceptSecurityContext error, data 52e, v4563",
    "No such object: {dn}",
    "550 5.1.1 <{email}>: Recipient address rejected: User unknown in virtual mailbox table",
    "Can't send mail - all recipients were rejected: 452 4.2.2 mailbox of {person} is full",
    "gpg: decryption failed: No secret key (key ID {hex16}, file {file}.pgp)",
    "ENOTFOUND getaddrinfo ENOTFOUND {host}",
    "SFTP: no such file /outbound/{file}.csv",
    # validation, parsing, scripts
    "cvc-complex-type.2.4.a: Invalid content was found starting with element '{element}' at line {int4}, column {int3}.",
    "cvc-maxLength-valid: Value '{street}' with length = '{int2}' is not facet-valid with respect to maxLength '35'",
    "{json_path} should match format \"date-time\", got '{us_date}'",
    "{json_path} should have required property '{odoo_field}'",
    "Unexpected token < in JSON at position 0. Response from {url}",
    "Invalid Record Length: expect {int2}, got {int2} on line {int5} of {file}.csv",
    "Quote Not Closed: the parsing is finished with an opening quote at line {int5}",
    "Cannot convert '{us_date}' to time zone {zone}: expected format is YYYY-MM-DDTHH:mm:ssZ",
    'Failed to generate URI from template /orders/{{{odoo_field}}}: Missing helper: "{helper}" in {url}',
    'TypeError: Cannot read property "{odoo_field}" from undefined in preSavePage script of {flow} at line {int3}',
    # the large applications
    "FIELD_CUSTOM_VALIDATION_EXCEPTION: Opportunity '{title}' may not be closed without an amount: [Amount]",
    "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or {int2} records: {sf_id},{sf_id}",
    "DUPLICATES_DETECTED: Use one of these records? Matched: {person} ({email})",
    "REQUIRED_FIELD_MISSING: Required fields are missing: [{sf_field}]",
    "INVALID_KEY_OR_REF: Invalid {ns_field} reference key {int5} for subsidiary {int2}.",
    "That record does not exist. path: {ns_path}/{int7} transaction {order} of {company}",
    "Fulfillment order {int13} has an unfulfillable status= {fo_status}",
    "Customer {person} <{email}>: phone {phone} has already been taken",
    "Product variant '{title} / {colour}' already exists (SKU {sku})",
    "QuotaExceeded: You exceeded your quota for the requested resource {url}, request id {uuid}",
)
"""Each of them one cause; values in braces, see VALUES."""

SLOT = re.compile(r"\{([a-z]\w*)\}")
_UPPER, _HEX = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789abcdef"
_ALNUM = _UPPER + _UPPER.lower() + "0123456789"
_START = datetime(2025, 1, 1, tzinfo=UTC)

_Made = Callable[[random.Random], str]


def _one_of(words: str) -> _Made:
    return lambda chance: chance.choice(words.split("|"))


def _digits(count: int) -> _Made:
    return lambda chance: str(chance.randrange(10 ** (count - 1), 10**count))


def _signs(count: int, signs: str) -> _Made:
    return lambda chance: "".join(chance.choices(signs, k=count))


def _when(shape: str) -> _Made:
    return lambda chance: (_START + timedelta(seconds=chance.randrange(60_000_000))).strftime(shape)


_first = _one_of("Anna|Björn|Chloé|Dmitri|Emily|Fatima|George|Hannah|Ian|José|Liam|Mary-Ann|Noah|Olga|Priya|Ruth")
_last = _one_of("Smith|O'Brien|García|Müller|Nguyen|Patel|van der Berg|de Souza|Kowalski|Lee|St. James|Okafor|Rossi")
_trade = _one_of("Alpine|Blue|Harbor|Cedar|Delta|Evergreen|First|Golden|Horizon|Iron|Juniper|Lakeside|Metro|Nordic|Oak")
_goods = _one_of("Foods|Textiles|Logistics|Hardware|Outdoor|Medical|Home & Garden|Paper Products|Coffee Roasters")
_form = _one_of("Inc.|LLC|GmbH & Co. KG|Ltd|S.A.|B.V.||Corporation|Pty Ltd|AG")
_city = _one_of("Austin|New York|São Paulo|Den Haag|Lyon|Leeds|Köln|Toronto|Salt Lake City|Osaka|Cork|Gdańsk|Reno")
_colour = _one_of("Red|Navy|Black|Heather Grey|Olive|White|Rose Gold|Sand")
_thing = _one_of("Trail Jacket|Mug|Desk Lamp|Wool Socks 3-Pack|Yoga Mat|Cold Brew Kit|Phone Case|Backpack 25L|Tee")
_field = _one_of("order_date|customer_id|total|currency|shipping_address|email|due_date|updated_at|tax_rate|status")
_specific = _one_of("Brand|Size Type|Material|Country of Origin|Color")
_mail_host = _one_of("example.com|mail.example.org|example.net|shop-example.com|corp.example.com")


def _person(chance: random.Random) -> str:
    return f"{_first(chance)} {_last(chance)}"


def _company(chance: random.Random) -> str:
    owner = chance.choice((_trade(chance), f"{_trade(chance)} {_trade(chance)}", _person(chance)))
    return f"{owner} {_goods(chance)} {_form(chance)}".strip()


def _sku(chance: random.Random) -> str:
    letters, number = _signs(3, _UPPER)(chance), chance.randrange(10, 99_999)
    shape = _one_of("{0}-{1}|{0}{1}|{0}-{1}-{2}-XL|{1}|{0}_{1}")(chance)
    return shape.format(letters, number, _colour(chance)[:3].upper())


def _skus(chance: random.Random) -> str:
    return ", ".join(_sku(chance) for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))))


def _email(chance: random.Random) -> str:
    name = _first(chance).lower()
    return f"{name}{chance.choice(('', '.', '_', '+shop'))}{chance.randrange(1, 999)}@{_mail_host(chance)}"


def _amount(chance: random.Random) -> str:
    value = chance.choice((chance.uniform(1, 99), chance.uniform(100, 999), chance.uniform(1_000, 90_000)))
    return chance.choice((f"{value:.2f}", f"{value:,.2f}", f"{value:.0f}"))


def _order(chance: random.Random) -> str:
    number = chance.randrange(1_000, 999_999)
    return chance.choice((f"SO{number}", f"SO-{number}", f"#{number}", f"{number}", f"WEB-{number}-1"))


def _street(chance: random.Random) -> str:
    road = chance.choice(("Main St", "Elm Street", "W 5th Ave Apt 12", "Lindenstraße", "Rue du Bac", "Old Mill Rd #4"))
    return f"{chance.randrange(1, 9_999)} {road}"


def _url(chance: random.Random) -> str:
    resource = chance.choice(("orders", "customers", "items", "v2/invoices"))
    return f"https://api.{_mail_host(chance)}/{resource}/{chance.randrange(1, 99_999)}"


def _dn(chance: random.Random) -> str:
    return f"CN={_person(chance)},OU={chance.choice(('Sales', 'IT', 'Finance'))},DC=example,DC=com"


def _file(chance: random.Random) -> str:
    stem = chance.choice(("orders", "inventory", "remittance", "price_list", "ASN"))
    return f"{stem}_{_when('%Y%m%d')(chance)}_{chance.randrange(1, 999)}"


def _title(chance: random.Random) -> str:
    return chance.choice(("", f"{_trade(chance)} ", f"{_trade(chance)}'s ")) + _thing(chance)


VALUES: dict[str, _Made] = {
    **{f"int{count}": _digits(count) for count in (3, 4, 5, 6, 7, 8, 9, 12, 13)},
    **{f"hex{count}": _signs(count, _HEX) for count in (8, 16, 24, 32)},
    "int2": lambda chance: str(chance.randrange(1, 99)),
    "amazon_order": lambda chance: f"{_digits(3)(chance)}-{_digits(7)(chance)}-{_digits(7)(chance)}",
    "amazon_seller": lambda chance: f"A{_signs(13, _UPPER + '0123456789')(chance)}",
    "amount": _amount,
    "anid": lambda chance: f"AN0{_digits(10)(chance)}",
    "attribute": _one_of("SupplierSite|BillToCustomerName|RequestedShipDate|PaymentTerms|BusinessUnitId"),
    "b64": _signs(24, _ALNUM),
    "city": _city,
    "colour": _colour,
    "company": _company,
    "country": _one_of("US|DE|United Kingdom|CA|FR|Brazil|JP|Netherlands"),
    "crm_field": _one_of("numberOfEmployees|leadScore|annualRevenue|Store_ID__c"),
    "currency": _one_of("USD|EUR|GBP|CAD|JPY"),
    "db": _one_of("prod|shop|integration"),
    "decline": _one_of("insufficient_funds|card_declined|expired_card|do_not_honor"),
    "dn": _dn,
    "element": _one_of("ShipTo|LineItem|cac:TaxTotal|Buyer|ns2:Amount"),
    "email": _email,
    "entity": _one_of("Receipt|PurchaseOrder|Customer"),
    "file": _file,
    "flow": _one_of("Orders to NetSuite|Item sync (hourly)|Refunds - EU|Acme: ASN 856 v2"),
    "fo_status": _one_of("closed|on_hold|scheduled"),
    "helper": _one_of("dateformat|lookupp|toLower|sum2"),
    "host": lambda chance: (
        f"{chance.choice(('db', 'edi', 'sftp', 'node'))}{chance.randrange(1, 30)}.{_mail_host(chance)}"
    ),
    "invoice": lambda chance: f"{chance.choice(('INV', 'INV-', 'RE-2025-', ''))}{chance.randrange(100, 999_999)}",
    "ip": lambda chance: ".".join(["10", *(str(chance.randrange(1, 255)) for _ in range(3))]),
    "iso_date": _when("%Y-%m-%d"),
    "json_path": lambda chance: f".lines[{chance.randrange(20)}].{_field(chance)}",
    "line": lambda chance: str(chance.randrange(1, 40)),
    "merge_field": _one_of("FNAME|LNAME|BIRTHDAY|ADDRESS"),
    "model": _one_of("sale.order|res.partner|account.move|stock.picking"),
    "ns_field": _one_of("item|entity|department|terms|custcol_brand"),
    "ns_path": _one_of("salesorder|invoice|itemfulfillment"),
    "odoo_field": _field,
    "order": _order,
    "percent": lambda chance: str(chance.choice((1, 2, 2.5, 5, 10))),
    "period": _when("%m-%Y"),
    "person": _person,
    "phone": lambda chance: chance.choice(("({0}) 555-{1}", "+1{0}555{1}", "0{0} 55{1}", "{0}-555-{1}")).format(
        _digits(3)(chance), _digits(4)(chance)
    ),
    "pick": lambda chance: f"WH/OUT/{_digits(5)(chance)}",
    "plant": _one_of("MfgSys|EAST|WH-02|Reno|EU1"),
    "service": _one_of("EXPRESS WORLDWIDE|Ground|Next Day Air|PAKET|ECONOMY SELECT"),
    "sf_field": _one_of("Amount|LastName|Company|Region__c|ERP_Id__c"),
    "sf_id": lambda chance: f"00{chance.choice('13Q6')}{_signs(15, _ALNUM)(chance)}",
    "short_code": lambda chance: f"{_signs(3, _UPPER)(chance)}{chance.choice(('', chance.randrange(1, 9_999)))}",
    "sku": _sku,
    "skus": _skus,
    "specific": _specific,
    "specific_missing": lambda chance: "{0} is missing. Add {0}".format(_specific(chance)),
    "sscc": lambda chance: f"00{_digits(18)(chance)}",
    "state": _one_of("CA|NY|TX|WA|FL|OH"),
    "street": _street,
    "sub": _signs(16, _ALNUM),
    "table": _one_of("ORDERS_STG|CUSTOMERS|INV_LINES"),
    "table_low": _one_of("orders|customers|stock_levels"),
    "tax_code": _one_of("P0000000|FR020100|PC040100|NT|SHIP1"),
    "title": _title,
    "topic": _one_of("orders.created|inventory-updates|prod.customers.v2|shipments|returns_eu"),
    "ulid": lambda chance: f"01{_signs(24, _UPPER + '0123456789')(chance)}",
    "url": _url,
    "us_date": _when("%m/%d/%Y"),
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
    "weight": lambda chance: f"{chance.uniform(0.2, 90):.1f}",
    "zip": lambda chance: chance.choice((_digits(5)(chance), f"SW{chance.randrange(1, 9)}A 1AA", "K1A 0B1")),
    "zone": _one_of("America/New_York|Europe/Berlin|Asia/Tokyo|UTC"),
    "zuora": lambda chance: f"A{_digits(8)(chance)}",
}
"""What each slot of a template may hold."""


def corpus(templates: Sequence[str], count: int, seed: int) -> list[Sample]:
    """Return *count* messages of *templates*; which of them are the frequent ones (Zipf) depends on *seed*."""
    chance = random.Random(seed)
    ranked = list(templates)
    chance.shuffle(ranked)
    chosen = chance.choices(ranked, [1 / rank for rank in range(1, len(ranked) + 1)], k=count)
    return [Sample(message=filled(template, chance), template=template) for template in chosen]


def filled(template: str, chance: random.Random) -> str:
    """Return *template* with a value in each slot; braces around anything else are the message's own."""
    return SLOT.sub(lambda slot: VALUES[slot[1]](chance), template)
