"""Names that integrator.io and the applications behind it are known to use; their sets are open, so none is complete."""

KNOWN_SOURCES = (
    "application", "connection", "resource", "transformation", "output_filter", "input_filter", "import_filter",
    "lookup", "mapping", "response_mapping", "pre_save_page_hook", "pre_map_hook", "post_map_hook",
    "post_submit_hook", "ftp_bridge", "internal",
)  # fmt: skip

KNOWN_CLASSIFICATIONS = ("connection", "duplicate", "governance", "missing", "parse", "value", "intermittent")

KNOWN_CODES = frozenset({
    # NetSuite
    "ACCT_PERIOD_CLOSED", "CONTACT_ALREADY_EXISTS", "DUP_ITEM", "DUP_RCRD", "EXCEEDED_MAX_CONCUR_RQST",
    "EXCEEDED_MAX_FIELD_LENGTH", "INSUFFICIENT_PERMISSION", "INVALID_KEY_OR_REF", "INVALID_LOGIN_ATTEMPT",
    "INVALID_LOGIN_CREDENTIALS", "RCRD_DSNT_EXIST", "RCRD_HAS_BEEN_CHANGED", "SESSION_TERMD_2ND_LOGIN_DECTD",
    "SESSION_TIMED_OUT", "SSS_INSTRUCTION_COUNT_EXCEEDED", "SSS_INVALID_CUSTOM_LOGIC", "SSS_MISSING_REQD_ARGUMENT",
    "SSS_REQUEST_LIMIT_EXCEEDED", "SSS_SEARCH_TIMEOUT", "SSS_TIME_LIMIT_EXCEEDED", "SSS_USAGE_LIMIT_EXCEEDED",
    "UNEXPECTED_ERROR", "UNIQUE_CUST_ID_REQD", "USER_ERROR", "WS_CONCUR_SESSION_DISALLWD",
    "WS_EXCEEDED_CONCUR_USERS_ALLWD", "WS_PERMISSION_REQD",
    # Salesforce
    "API_DISABLED_FOR_ORG", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "DUPLICATES_DETECTED", "DUPLICATE_EXTERNAL_ID",
    "DUPLICATE_VALUE", "ENTITY_IS_DELETED", "ENTITY_IS_LOCKED", "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION", "INVALID_CROSS_REFERENCE_KEY", "INVALID_EMAIL_ADDRESS", "INVALID_FIELD",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INVALID_SESSION_ID", "MALFORMED_ID", "REQUEST_LIMIT_EXCEEDED",
    "REQUIRED_FIELD_MISSING", "SERVER_UNAVAILABLE", "STORAGE_LIMIT_EXCEEDED", "STRING_TOO_LONG",
    "UNABLE_TO_LOCK_ROW",
    # Amazon
    "InternalFailure", "InvalidInput", "InvalidSignature", "QuotaExceeded", "RequestThrottled", "ServiceUnavailable",
})  # fmt: skip
"""Codes that stand in an error's ``code``. Those of broken connections (ETIMEDOUT) are left out: what was being done
stands before them in the message ("connect ETIMEDOUT"), which matters."""
