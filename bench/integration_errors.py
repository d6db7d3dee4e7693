"""A corpus of integration errors whose true templates are known, for measuring how well messages are grouped.

Written after the messages that NetSuite, Shopify, Salesforce, Amazon and HTTP services send; the values are made up.
The same seed gives the same corpus. How often a template occurs falls with its rank, as it does in real error lists
(Zipf): most errors are of a few kinds, and many kinds are seen once or twice.
"""

import random
from dataclasses import dataclass
from string import Formatter

TEMPLATES = (
    # NetSuite
    "Invalid {field} reference key {id} for subsidiary {small}.",
    "Invalid entity reference key {id}.",
    "Invalid state reference key '{state}'.",
    "Invalid item reference key {id} for entity {id}.",
    "Please enter value(s) for: {label}",
    "Please configure the inventory detail for this line.",
    "This record already exists",
    "A customer record with this ID already exists. You must enter a unique customer ID for each record you create.",
    "The transaction {order} cannot be edited because the accounting period {month} {year} is closed.",
    "You have entered an Invalid Field Value {value} for the following field: {field}",
    "The field {field} contained more than the maximum number ( {small} ) of characters allowed.",
    "Record has been changed",
    "That record does not exist. path: {path}",
    "Request limit exceeded. The maximum number of concurrent requests for account {account} is {small}.",
    ("You do not have permissions to set a value for element {field} due to one of the following reasons: "
    "1) The field is read-only; 2) An associated feature is disabled;"),
    "Insufficient quantity: item {sku} at location {warehouse} has {small} on hand, {small} requested.",
    "Unable to find a matching line for sublist item with key: [orderLine] and value: [{small}].",
    "The amounts in a journal entry must balance. Debits {amount} and credits {amount} differ.",
    "Unbalanced inventory detail for line {small}: quantity {small}, assigned {small}",
    "The tax code {code_word} is not valid for nexus {state}.",
    "Sales order {order} for customer {company} exceeds the credit limit by {amount}",
    "Invalid date value {date} (must be {date_form})",
    "The specified record has been inactivated: {record} {id}",
    "Script Execution Usage Limit Exceeded",
    "An unexpected error occurred. Error Code: {token}",
    "Ship method {carrier} is not available for country {country}.",
    "Unit price for item {sku} must not be negative: {amount}",
    "Location {warehouse} is not assigned to subsidiary {company}",
    # Shopify
    "Order {order} has already been fulfilled",
    "Fulfillment for line item {id} failed: The specified inventory location {warehouse} is not stocked",
    "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service.",
    '{{"errors":{{"base":["Line items Product {id} was not found"]}}}}',
    '{{"errors":"Not Found"}}',
    '{{"errors":{{"sku":["{sku} has already been taken"]}}}}',
    '{{"errors":[{{"message":"Throttled","extensions":{{"code":"THROTTLED","cost":{small}}}}}]}}',
    "Variant {id} does not belong to product {id}",
    "Could not update inventory level of {sku}: inventory item {id} is not tracked",
    "Refund of {amount} {currency} is more than the {amount} {currency} that can be refunded",
    "Customer with email {email} already exists in the store",
    "Customer phone {phone} is invalid",
    "The shipping address of order {order} lacks a province",
    "Metafield {field} of owner {id} expects {kind}, got {kind}",
    "Tracking number {token} cannot be added: the fulfillment {id} is cancelled",
    "Discount code {code_word} expired on {date}",
    "Gift card {token} is disabled",
    # Salesforce
    "REQUIRED_FIELD_MISSING: Required fields are missing: [{labels}]",
    "DUPLICATE_VALUE: duplicate value found: {custom} duplicates value on record with id: {sfid}",
    "INVALID_CROSS_REFERENCE_KEY: invalid cross reference id",
    "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or {small} records: {sfid}",
    "STRING_TOO_LONG: {label}: data value too large: {title} (max length={small})",
    "ENTITY_IS_DELETED: entity is deleted",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION: The close date {date} lies before the order date {date}",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: insufficient access rights on cross-reference id: {sfid}",
    "INVALID_EMAIL_ADDRESS: Email: invalid email address: {email}",
    "MALFORMED_ID: {label}: id value of incorrect type: {sfid}",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: {label}: bad value for restricted picklist field: {title}",
    ("No such column '{custom}' on entity '{record}'. If you are attempting to use a custom field, be sure to append "
    "the '__c' after the custom field name."),
    "TotalRequests Limit exceeded.",
    "Foreign key external ID: {id} not found for field {custom} in entity {record}",
    "The owner {person} of account {company} is inactive",
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: {trigger}: execution of AfterUpdate caused by: "
    "System.NullPointerException: Attempt to de-reference a null object Trigger.{trigger}: line {small}, column {small}"),
    "Opportunity {title} has no price book",
    "Session expired or invalid",
    # Amazon
    "The SKU {sku} does not match any ASIN and contains invalid value(s) for attributes required for creation of a new ASIN.",
    "We are unable to process the XML feed because one or more items are invalid. Feed {id}.",
    "You exceeded your quota for the requested resource. Operation {operation} of seller {token}.",
    "Order {amazon} is not eligible for confirmation: it was cancelled by the buyer",
    "The value '{value}' provided for attribute {attribute} is not valid for marketplace {marketplace}",
    'A value is required for the "{attribute}" field.',
    "Ship date {date} of order {amazon} is before the order date",
    "Listing {sku} was suppressed: missing image",
    "Access to requested resource is denied.",
    "Merchant {company} is not authorised for brand {brand}",
    "Carrier {carrier} is not recognised for order {amazon}; use Other",
    "FBA inbound shipment {token} is closed since {date}",
    "Quantity {small} for {sku} is beyond the limit of {small} in fulfilment centre {token}",
    # HTTP and transport
    "Request failed with status code {status}",
    "503 Service Unavailable: upstream {host} did not answer",
    "connect ECONNREFUSED {ip}",
    "connect ETIMEDOUT {ip}",
    "getaddrinfo ENOTFOUND {host}",
    "read ECONNRESET",
    "socket hang up",
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>",
    "Client network socket disconnected before secure TLS connection was established with {host}",
    "certificate has expired on {date} for {host}",
    '{{"code":"rate_limited","message":"Retry in {small} seconds","requestId":"{uuid}"}}',
    '{{"error":"invalid_grant","error_description":"Token of {email} was revoked"}}',
    "Timeout of {big} ms exceeded while calling {url}",
    "The response of {url} is not JSON: Unexpected token < at position {small}",
    "Unexpected end of file after {big} bytes of {file}",
    "Access token {token} expired at {moment}",
    "File {file} was not found on server {host}",
    "Duplicate file {file} received from {person}",
    "Row {small} of {file}: column {label} is empty",
    "Row {small} of {file}: {amount} is not a number",
    "Mapping failed for {record} {id}: handlebars helper {helper} is not defined",
    "No lookup value for {title} in {lookup}",
)  # fmt: skip
"""Every slot stands in braces; half of these are for developing, the other half is held out (see :func:`halves`)."""

WORDS = {
    "carrier": ["UPS Ground", "FedEx", "DHL Express", "USPS Priority Mail", "Royal Mail", "GLS", "TNT"],
    "code_word": ["SUMMER", "VAT-DE", "WELCOME10", "BLACKFRIDAY", "CA-SF", "EXEMPT", "FREESHIP", "UK20", "LOYAL"],
    "company": ["Acme Corp", "Blue Heron Ltd", "Nordic Outdoor Supply AB", "Contoso", "Garcia & Sons", "Fabrikam Inc.",
                "Tailspin Toys", "The Olive Press", "Wingtip", "Lakeside Medical Group", "Müller GmbH", "Northwind Traders"],
    "brand": ["Peakline", "Casa Verde", "Brightside", "Old Mill", "Nuvola", "Kestrel & Co"],
    "country": ["Germany", "United Kingdom", "France", "Japan", "New Zealand", "Brazil", "South Africa"],
    "currency": ["USD", "EUR", "GBP", "CAD"],
    "custom": ["External_Id__c", "ERP_Customer__c", "Legacy_Key__c", "NetSuite_Id__c", "Region__c", "Shop_Order__c"],
    "attribute": ["item_name", "brand", "color_map", "size_name", "bullet_point", "recommended_browse_nodes",
                  "product_tax_code"],
    "date_form": ["M/D/YYYY", "DD.MM.YYYY", "YYYY-MM-DD"],
    "field": ["entity", "item", "location", "department", "custbody_channel", "shipaddress", "itemid", "memo", "taxcode",
              "custcol_gift_note", "currency", "salesrep"],
    "helper": ["dateFormat", "regexReplace", "lookup", "hashify", "toUpper"],
    "kind": ["integer", "date", "json", "single_line_text_field", "boolean", "money"],
    "label": ["Last Name", "Company", "Shipping State", "Tax Code", "Currency", "Terms", "Email", "Postal Code", "Amount"],
    "lookup": ["shipMethods", "stateCodes", "Payment terms", "Item by UPC", "warehouseMap"],
    "marketplace": ["ATVPDKIKX0DER", "A1PA6795UKMFR9", "A1F83G8C2ARO7P", "A13V1IB3VIYZZH"],
    "month": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "operation": ["createReport", "getOrders", "submitFeed", "listFinancialEvents", "putListingsItem"],
    "person": ["Maria Lopez", "J. Smith", "Aiko Tanaka", "Peter van Dijk", "Olga", "Sam O'Neil", "Chen Wei", "Ravi Kumar"],
    "record": ["Account", "Contact", "Order", "Opportunity", "Invoice", "customer", "salesOrder", "Product2", "item"],
    "state": ["California", "Texas", "New York", "Ontario", "Bavaria", "North Carolina", "Queensland", "Île-de-France"],
    "title": ["Summer Sale", "Net 30", "Blue running shoes size 42", "Web", "Phone order", "Priority", "Gift wrap, red",
              "Wholesale Tier 2", "Prospect", "Garden chairs", "Replacement filter", "Tea"],
    "trigger": ["OrderAfterUpdate", "AccountSync", "InvoiceRollup", "ContactDedupe"],
    "value": ["Net 45", "red", "XL", "N/A", "true", "12/31/2025", "Yes please", "EA", "each", "Kg", "-"],
    "warehouse": ["Main Warehouse", "Reno", "East DC", "Rotterdam 2", "Dallas FC", "Returns", "3PL Utrecht"],
}  # fmt: skip

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SIGNS = f"{LETTERS}0123456789"
SF_SIGNS = f"{SIGNS}{LETTERS.lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One message and the template that it was made from."""

    message: str
    template: str


def halves() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the templates to develop with, and those held out."""
    return TEMPLATES[::2], TEMPLATES[1::2]


def corpus(templates: tuple[str, ...], count: int, seed: int) -> list[Sample]:
    """Return *count* messages of *templates*; which of them are the frequent ones depends on *seed*."""
    chance = random.Random(seed)
    ranked = list(templates)
    chance.shuffle(ranked)
    weights = [1 / rank for rank in range(1, len(ranked) + 1)]
    chosen = chance.choices(ranked, weights, k=count)
    return [Sample(message=_filled(template, chance), template=template) for template in chosen]


def _filled(template: str, chance: random.Random) -> str:
    return "".join(text + (_value(slot, chance) if slot else "") for text, slot, _, _ in Formatter().parse(template))


def _value(slot: str, chance: random.Random) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a kind of value
    def signs(alphabet: str, count: int) -> str:
        return "".join(chance.choices(alphabet, k=count))

    number = chance.randint
    date = f"{number(2024, 2026)}-{number(1, 12):02}-{number(1, 28):02}"
    match slot:
        case "account":
            return f"TSTDRV{number(1000000, 2999999)}"
        case "amazon":
            return f"{number(100, 999)}-{number(1000000, 9999999)}-{number(1000000, 9999999)}"
        case "amount":
            return f"{number(0, 4000):,}.{number(0, 99):02}"
        case "big":
            return str(number(1_000, 900_000))
        case "date":
            return date
        case "email":
            return f"{chance.choice(['ann', 'bob.lee', 'c.diaz', 'orders', 'info'])}{number(1, 99)}@example.com"
        case "file":
            return f"{chance.choice(['orders', 'items', 'export', 'stock_levels', 'ASN'])}_{date}.{chance.choice(['csv', 'xml'])}"
        case "host":
            return f"{chance.choice(['api', 'sftp', 'edi', 'eu-west', 'shop'])}.example.{chance.choice(['com', 'org', 'net'])}"
        case "id":
            return str(number(100, 9_999_999_999))
        case "ip":
            return f"10.{number(0, 255)}.{number(0, 255)}.{number(1, 254)}:{chance.choice([443, 22, 8443])}"
        case "labels":
            return ", ".join(chance.sample(WORDS["label"], number(1, 4)))
        case "moment":
            return f"{date}T{number(0, 23):02}:{number(0, 59):02}:{number(0, 59):02}Z"
        case "order":
            return chance.choice([f"#{number(1001, 99999)}", f"SO{number(10000, 99999)}", f"WEB-{number(1000, 9999)}"])
        case "path":
            return f"/orders/{number(1, 99999)}/lines/{number(1, 9)}"
        case "phone":
            return f"+1 555 {number(100, 999)} {number(1000, 9999)}"
        case "sfid":
            return f"00{signs(SF_SIGNS, 16)}"
        case "sku":
            return f"{signs(LETTERS, number(2, 4))}-{number(10, 99999)}{chance.choice(['', '-BLK', '-L', '/2'])}"
        case "small":
            return str(number(0, 120))
        case "status":
            return str(chance.choice([400, 401, 403, 404, 409, 422, 500, 502, 503, 504]))
        case "token":
            return signs(SIGNS, number(9, 14))
        case "url":
            return f"https://api.example.com/v{number(1, 3)}/{chance.choice(['orders', 'items', 'customers'])}/{number(1, 99999)}"
        case "uuid":
            return f"{signs('0123456789abcdef', 8)}-{signs('0123456789abcdef', 4)}-4{signs('0123456789abcdef', 3)}-a{signs('0123456789abcdef', 3)}-{signs('0123456789abcdef', 12)}"
        case "year":
            return str(number(2023, 2026))
    return chance.choice(WORDS[slot])
