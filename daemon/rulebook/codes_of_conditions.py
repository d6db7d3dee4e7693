"""Codes of messages about conditions: ``when`` and ``scope``."""

from collections.abc import Mapping

from daemon.rulebook.explanation import Explanation

OF_CONDITIONS: Mapping[str, Explanation] = {
    "E020": Explanation(
        meaning="An operator that does not exist, most often a spelling mistake.",
        why="Ignored, the condition would hold for every error that has the field.",
        wrong="when:\n  message: {contain: already exists}",
        right="when:\n  message: {contains: already exists}",
    ),
    "E021": Explanation(
        meaning="The pattern cannot be used. Patterns run on RE2, which cannot hang on any text, and therefore has no "
        "look-ahead, look-behind, back-references or repeats over 1000.",
        why="Other engines can need hours for one long message, and the daemon would stand still that long. The "
        "message under your pattern says how to write the same without.",
        wrong="when:\n  message: {regex: 'item (?!TEST)'}",
        right="when:\n  message: {regex: 'item '}\n  not:\n    message: {regex: 'item TEST'}",
    ),
    "E022": Explanation(
        meaning="The operator does not fit the field: text operators on numbers, comparisons on text, and so on.",
        why="Ignored, the condition would hold for every error that has the field.",
        wrong='when:\n  http_status: {starts_with: "5"}',
        right="when:\n  http_status: {gte: 500}",
    ),
    "E023": Explanation(
        meaning="The rule says where (account, flow, step, age) but not which errors: it would match everything there.",
        why="It would also take errors that nobody has thought of yet, and do the same with all of them.",
        wrong="when:\n  flow: Orders to NetSuite\n  age: {gt: 1h}",
        right="when:\n  flow: Orders to NetSuite\n  age: {gt: 1h}\n  code: RCRD_DSNT_EXIST",
    ),
    "E024": Explanation(
        meaning='"all", "any" and "not" are nested more than 16 levels deep.',
        why="Nobody can say any more what such a rule takes. Two rules, one after the other, say it better.",
        wrong="when:\n  code: A\n  " + "not: {" * 17 + "message: test" + "}" * 17,
        right="when:\n  code: A\n  not: {message: test}",
    ),
    "E025": Explanation(
        meaning="The JMESPath expression cannot be understood.",
        why="The value in the record would never be found, so the rule would never match.",
        wrong='when:\n  data: {"lines[.sku": OLD-1}',
        right='when:\n  data: {"lines[].sku": OLD-1}',
    ),
}
