r"""A second corpus of integration errors, of other systems than the first: held out until it had been measured once.

It was written and committed before the miner had run on it, by somebody who had read neither the miner nor the first
corpus. The miner was mended by its failures afterwards, so it is held out no more; docs/mining.md has both figures. The wordings are those of ERPs, shops, carriers, databases, file transfer and cloud services; the values are
made up. In a template `[[name]]` stands for a value that `held_out_values.py` makes, the same one wherever the name
recurs in the message (`[[date]]` and `[[date_2]]` are two). A template is one cause, as the person who mends it would
say: messages that differ in their values only are one template, whatever the values look like.
"""

import random
import re
from collections.abc import Sequence

from bench.held_out_values import VALUES
from bench.integration_errors import Sample

DYNAMICS = (
    "The field No. of table Sales Line contains a value ([[sku]]) that cannot be found in the related table (Item).  CorrelationId:  [[guid]].",
    "The field Customer No. of table Sales Header contains a value ([[customer]]) that cannot be found in the related table (Customer).  CorrelationId:  [[guid]].",
    "The changes to the Sales Header record cannot be saved because some information on the page is not up-to-date. Close the page, reopen it, and try again.\n\nIdentification fields and values:\n\nDocument Type='Order',No.='[[document]]'  CorrelationId:  [[guid]].",
    "The record in table Item already exists. Identification fields and values: No.='[[sku]]'  CorrelationId:  [[guid]].",
    "You cannot post this type of document when Customer [[customer]] is blocked with type All.  CorrelationId:  [[guid]].",
    "The Posting Date [[date]] is not within the range of allowed posting dates for company [[company]].",
    "You have insufficient quantity of Item [[sku]] on inventory.",
    "Write failed for table row of type 'SalesOrderHeaderV2Entity'. Infolog: Warning: The value '[[customer]]' in field 'Customer account' is not found in the related table 'Customers'.; Warning: validateWrite failed on data source 'SalesTable (SalesTable)'.",
    "Entity '[[entity]]' With Id = [[guid]] Does Not Exist",
    "Die Verkaufsrechnung [[document]] kann nicht gebucht werden, da der Debitor [[company]] gesperrt ist.",
)
SAP = (
    "Sales document [[sapdocument]] is currently being processed (from user [[sapuser]])",
    "Material [[material]] is not defined for sales org.[[plant]], distr.chan.[[two]], language EN",
    "Sold-to party [[sapcustomer]] not maintained for sales area [[plant]] [[two]] [[two_2]]",
    "Posting period [[period]] [[year]] is not open for account type D and G/L account [[account]]",
    "IDoc [[idoc]]: status 56 - EDI: Partner profile inbound not available. LS/[[logicalsystem]]///ORDERS////",
    "IDoc [[idoc]]: status 51 - Purchase order number [[po]] already exists for sold-to party [[sapcustomer]] in order [[sapdocument]]",
    "Lagerort-Bestand frei verwendbar um [[quantityde]] ST unterschritten : [[material]] [[plant]] [[location]]",
    "Konto [[account]] im Buchungskreis [[plant]] ist für Buchungen gesperrt",
    "El material [[material]] no está actualizado en el centro [[plant]]",
    "Le client [[sapcustomer]] n'est pas défini dans la société [[plant]]",
    '{"error":{"code":"/IWBEP/CM_MGW_RT/021","message":{"lang":"en","value":"Resource not found for segment \'A_SalesOrderType\'"},"innererror":{"transactionid":"[[hex32]]","timestamp":"[[saptime]]"}}}',
    "BAPI_ACC_DOCUMENT_POST: E RW 609 Error in document: BKPFF $ [[sapobject]]; E F5 702 Balance in transaction currency: [[amount]] [[currency]]",
    "RFC_ERROR_LOGON_FAILURE: Name or password is incorrect (repeat logon)",
)
HUBSPOT = (
    "Contact already exists. Existing ID: [[id11]]",
    'Property values were not valid: [{"isValid":false,"message":"[[option]] was not one of the allowed options: [[[options]]]","error":"INVALID_OPTION","name":"[[property]]"}]',
    'Property values were not valid: [{"isValid":false,"message":"Property \\"[[property]]\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"[[property]]"}]',
    'Property values were not valid: [{"isValid":false,"message":"Email address [[bademail]] is invalid","error":"INVALID_EMAIL","name":"email"}]',
    '{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"[[guid]]","policyName":"TEN_SECONDLY_ROLLING"}',
    "The OAuth token used to make this call expired [[few]] second(s) ago.",
)
SHOPS = (
    "The product that was requested doesn't exist. Verify the product and try again.",
    "No such entity with cartId = [[id5]]",
    'We don\'t have as many "[[title]]" as you requested.',
    'The coupon code "[[coupon]]" couldn\'t be applied. Verify the coupon code and try again.',
    'The value specified in the URL Key "[[slug]]" would generate a URL that already exists. To resolve this conflict, you can either change the value of the URL Key field or edit the URL rewrite with ID [[id5]].',
    "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '[[id5]]-[[id5_2]]' for key 'CATALOG_PRODUCT_SUPER_LINK_PRODUCT_ID_PARENT_ID', query was: INSERT INTO `catalog_product_super_link` (`product_id`,`parent_id`) VALUES (?, ?)",
    "La quantité demandée pour le produit « [[title]] » n'est pas disponible.",
    '{"status":409,"title":"The product sku is a duplicate","type":"https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes","errors":{"sku":"[[sku]]"}}',
    '{"status":422,"title":"JSON data is missing or invalid","type":"https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes","errors":{[[missing]]}}',
    "Quantity to ship ([[few]]) exceeds the quantity ordered ([[few_2]]) for order_product_id [[id5]]",
    "Error: Invalid ID. [woocommerce_rest_product_invalid_id]",
    'Error: Invalid or duplicated SKU. [product_invalid_sku] {"resource_id":[[id5]],"unique_sku":"[[sku]]"}',
    "Error getting remote image [[image]]. Error: A valid URL was not provided. [woocommerce_product_image_upload_error]",
    "Error getting remote image [[image]]. Error: cURL error 28: Operation timed out after [[millis]] milliseconds with [[bytes]] out of [[bytes_2]] bytes received [woocommerce_product_image_upload_error]",
    "Lo siento, no puedes ver este recurso. [woocommerce_rest_cannot_view]",
    "El cupón «[[coupon]]» ha caducado el [[datees]].",
)
STRIPE = (
    "No such customer: '[[stripecustomer]]'; a similar object exists in test mode, but a live mode key was used to make this request.",
    "No such price: '[[stripeprice]]'",
    "Your card has insufficient funds. (request-id: [[striperequest]])",
    "Your card was declined. (request-id: [[striperequest]])",
    "Charge [[charge]] has already been refunded.",
    "Refund amount ([[money]]) is greater than unrefunded amount on charge ([[money_2]])",
    "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '[[guid]]' if you meant to execute a different request.",
    "Invalid currency: [[currencylow]]. Stripe currently supports these currencies: usd, aed, afn, all, amd, ang, aoa, ars, aud, awg, azn, bam, bbd, bdt",
)
DESKS = (
    '{"error":"RecordInvalid","description":"Record validation errors","details":{"email":[{"description":"Email: [[email]] is already being used by another user","error":"DuplicateValue"}]}}',
    '{"error":"RecordInvalid","description":"Record validation errors","details":{"requester":[{"description":"Requester: [[person]] is suspended."}]}}',
    '{"error":"RecordInvalid","description":"Record validation errors","details":{"status":[{"description":"Status: closed prevents ticket update"}]}}',
    '{"error":"RecordInvalid","description":"Record validation errors","details":{"base":[{"description":"[[ticketfield]]: is required when solving a ticket","ticket_field_id":[[id11]]}]}}',
    '{"error":"DatabaseConflict","description":"Database collision"}',
    '{"errorMessages":[],"errors":{[[jirafields]]}}',
    '{"errorMessages":["Issue does not exist or you do not have permission to see it."],"errors":{}}',
    '{"errorMessages":[],"errors":{"assignee":"User \'[[email]]\' cannot be assigned issues."}}',
    "Operation against file 'incident' was aborted by Business Rule '[[businessrule]]^[[hex32]]'. Business Rule Stack:[[businessrule]]",
    '{"error":{"message":"No Record found","detail":"Record doesn\'t exist or ACL restricts the record retrieval"},"status":"failure"}',
    "L'utilisateur [[person]] n'est pas membre du groupe d'affectation [[team]].",
)
BOOKS = (
    "Duplicate Document Number Error : You must specify a different number. This number has already been used. DocNumber=[[invoice]] is assigned to TxnType=[[transaction]] with TxnId=[[id5]]",
    "The name supplied already exists. : Another customer, vendor or employee is already using this name. Please use a different name. Id=[[id5]]",
    "Stale Object Error : You and [[person]] were working on this at the same time. [[person]] finished before you did, so your work was not saved.",
    "Invalid Reference Id : Something you're trying to use has been made inactive. Check the fields with accounts, customers, items, vendors or employees.",
    "Amount calculation incorrect in the request : Amount is not equal to UnitPrice * Qty. Supplied value:[[plainamount]]",
    "message=ThrottleExceeded; errorCode=003001; statusCode=429",
    "A validation exception occurred: Account code '[[account]]' is not a valid code for this document.",
    "A validation exception occurred: Account code '[[account]]' has been archived, or deleted.",
    "The TaxType code [[taxtype]] does not exist or cannot be used for this type of transaction.",
    "The document date cannot be before the period lock date, currently set at [[longdate]]",
    "Invoice [[invoice]]: Invoice not of valid status for modification. This document cannot be edited as it has a payment or credit note allocated to it.",
    "The contact name [[company]] is already assigned to another contact. The contact name must be unique across all active contacts.",
    "Payment amount [[amount]] exceeds the amount outstanding on this document ([[amount_2]])",
)
CARRIERS = (
    'Order [[order]] cannot be updated: orders in status "[[shipstatus]]" can no longer be modified.',
    "POSTALCODE.STATEORPROVINCE.MISMATCH: Postal code [[zip]] does not match state or province code [[state]] of the recipient.",
    "SYSTEM.UNEXPECTED.ERROR: The system has experienced an unexpected problem and is unable to complete your request. Please try again later. (transactionId [[guid]])",
    "Hard - 120207 - Missing/Invalid ShipTo PostalCode. Postal Code length must be [[digit]].",
    "111210: The requested service is unavailable between the selected locations. ShipFrom [[zip]] [[country]], ShipTo [[zip_2]] [[country_2]]",
    "The package weight of [[weight]] exceeds the maximum for service [[service]] ([[weight_2]])",
    "Die Postleitzahl [[zipde]] passt nicht zum Ort [[city]].",
)
DATABASES = (
    'ERROR: duplicate key value violates unique constraint "orders_external_id_key"\n  Detail: Key (external_id)=([[order]]) already exists.',
    'ERROR: insert or update on table "order_lines" violates foreign key constraint "order_lines_sku_fkey"\n  Detail: Key (sku)=([[sku]]) is not present in table "products".',
    'ERROR: value too long for type character varying([[width]])\n  Where: COPY staging_customers, line [[id5]], column [[column]]: "[[company]]"',
    "ERROR: deadlock detected\n  Detail: Process [[pid]] waits for ShareLock on transaction [[id7]]; blocked by process [[pid_2]].\nProcess [[pid_2]] waits for ShareLock on transaction [[id7_2]]; blocked by process [[pid]].\n  Hint: See server log for query details.",
    "FATAL: remaining connection slots are reserved for non-replication superuser connections",
    "org.postgresql.util.PSQLException: Connection to [[host]]:5432 refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections.[[stack]]",
    "FEHLER: doppelter Schlüsselwert verletzt Unique-Constraint »kunden_email_key«\n  Detail: Schlüssel »(email)=([[email]])« existiert bereits.",
    "Data truncation: Out of range value for column '[[column]]' at row [[row]]",
    "Duplicate entry '[[email]]' for key 'customers.uq_customers_email'",
    "com.mysql.cj.jdbc.exceptions.MySQLTransactionRollbackException: Lock wait timeout exceeded; try restarting transaction[[stack]]",
    "Communications link failure\n\nThe last packet successfully received from the server was [[millis]] milliseconds ago. The last packet sent successfully to the server was [[millis_2]] milliseconds ago.",
    "Cannot insert the value NULL into column '[[column]]', table 'ERP.dbo.[[table]]'; column does not allow nulls. INSERT fails.",
    "String or binary data would be truncated in table 'ERP.dbo.Customer', column '[[column]]'. Truncated value: '[[company]]'.",
    "Transaction (Process ID [[pid]]) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.",
    "Violation of PRIMARY KEY constraint 'PK_SalesOrder'. Cannot insert duplicate key in object 'dbo.SalesOrder'. The duplicate key value is ([[id7]]).",
    "Conversion failed when converting the nvarchar value '[[word]]' to data type int.",
    "Numeric value '[[amountde]]' is not recognized\n  File '[[file]]', line [[row]], character [[few]]\n  Row [[row_2]], column \"ORDERS\"[\"AMOUNT\":[[digit]]]",
    "SQL compilation error:\nObject 'ANALYTICS.PUBLIC.[[tableupper]]' does not exist or not authorized.",
    "Statement reached its statement or warehouse timeout of [[seconds]] second(s) and was canceled. Query id: [[guid]]",
)
FILES = (
    "sftp: No such file or directory: [[path]]",
    "SFTP: All configured authentication methods failed for [[login]]@[[host]]:22",
    "550 [[file]]: The process cannot access the file because it is being used by another process.",
    "connect ETIMEDOUT [[ip]]:21",
    "getaddrinfo ENOTFOUND [[host]]",
    'AS2: MDN for message <[[messageid]]> from [[partner]] reports "processed/error: decryption-failed"',
    'AS2: MDN for message <[[messageid]]> from [[partner]] reports "processed/error: integrity-check-failed": received MIC [[base64]], expected [[base64_2]] (sha256)',
    "997 rejected: AK3*N1*[[few]]**8 AK4*4*67*1 - mandatory data element missing (N104) in 850 control number [[id9]]",
    "Duplicate interchange control number [[id9]] received from sender [[edisender]]",
    "856 ASN for PO [[po]]: hierarchical level HL*[[few]] refers to parent HL*[[few_2]], which does not exist",
    "CONTRL: interchange [[ediref]]: message [[few]] ORDERS D:96A:UN rejected, error 12 (invalid value) in segment [[segment]], data element [[dataelement]]",
    "No trading partner found for GLN [[gln]]",
)
SERVICES = (
    'Variable "$input" got invalid value [[graphql]]; Field "[[gqlfield]]" of required type "[[gqltype]]!" was not provided.',
    'Cannot query field "[[gqlfield]]" on type "[[gqltype]]". Did you mean "[[gqlfield_2]]"?',
    "Query has complexity of [[id5]], which exceeds max complexity of 1000",
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp [[ip]]:[[port]]: connect: connection refused"',
    "4 DEADLINE_EXCEEDED: Deadline exceeded after [[fraction]]s,LB pick: 0.00[[digit]]s,remote_addr=[[ip]]:443",
    '{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity. The token was issued on [[isotime]] and was inactive for 90.00:00:00. Trace ID: [[guid]] Correlation ID: [[guid_2]] Timestamp: [[isotime_2]]"}',
    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '[[guid]]'. Trace ID: [[guid_2]] Correlation ID: [[guid_3]] Timestamp: [[isotime]]",
    "invalid_grant: Token has been expired or revoked.",
    'AccessDenied: User: arn:aws:iam::[[id12]]:user/[[login]] is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::[[bucket]][[path]]" because no identity-based policy allows the s3:PutObject action',
    "The specified key does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey; Request ID: [[aws16]]; S3 Extended Request ID: [[base64]]; Proxy: null)",
    "Value [[base64]] for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    "The difference between the request time and the current time is too large. RequestTime: [[awstime]], ServerTime: [[isotime]]",
    "Unable to parse range: [[sheet]]!A[[row]]:[[letter]][[row_2]]",
    "Range ([[sheet]]!A[[row]]:[[letter]][[row_2]]) exceeds grid limits. Max rows: [[row_3]], max columns: [[few]]",
    "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per user' of service 'sheets.googleapis.com' for consumer 'project_number:[[id12]]'.",
)
TEMPLATES = (
    *DYNAMICS, *SAP, *HUBSPOT, *SHOPS, *STRIPE, *DESKS, *BOOKS, *CARRIERS, *DATABASES, *FILES, *SERVICES,
)  # fmt: skip

SLOT = re.compile(r"\[\[([a-z]+[0-9]*)((?:_[0-9])?)\]\]")


def corpus(templates: Sequence[str], count: int, seed: int) -> list[Sample]:
    """Return *count* messages of *templates*; which of them are the frequent ones (Zipf) depends on *seed*."""
    chance = random.Random(seed)
    ranked = list(templates)
    chance.shuffle(ranked)
    weights = [1 / rank for rank in range(1, len(ranked) + 1)]
    chosen = chance.choices(ranked, weights, k=count)
    return [Sample(message=filled(template, chance), template=template) for template in chosen]


def filled(template: str, chance: random.Random) -> str:
    values: dict[str, str] = {}

    def value(slot: re.Match[str]) -> str:
        if slot[0] not in values:
            values[slot[0]] = VALUES[slot[1]](chance)
        return values[slot[0]]

    return SLOT.sub(value, template)
