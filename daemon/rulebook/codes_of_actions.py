"""Codes of messages about what a rule does, and about its tests."""

from collections.abc import Mapping

from daemon.rulebook.explanation import Explanation

OF_ACTIONS: Mapping[str, Explanation] = {
    "E030": Explanation(
        meaning='Not exactly one action in "then". One of: retry, resolve, hold, leave.',
        why="With two, nobody could say which of them is done first; with none, nothing is.",
        wrong="then:\n  retry: {after: 5m}\n  hold: {queue: data}",
        right="then:\n  retry: {after: 5m, exhausted: hold}",
    ),
    "E031": Explanation(
        meaning='Something stands beside an action that it does not fit: "patch" needs "retry", "share_of_open" '
        '"resolve".',
        why="It would do nothing, and whoever wrote it would rely on it.",
        wrong="then:\n  hold: {queue: data}\n  patch:\n    - {op: remove, path: /data/memo}",
        right="then:\n  retry: {max_attempts: 1}\n  patch:\n    - {op: remove, path: /data/memo}",
    ),
    "E032": Explanation(
        meaning="Not a JSON Pointer inside /data. Patches and edits may touch nothing else of the retry data.",
        why="Outside of /data stands what the platform needs to run the record; changed, the record may be lost.",
        wrong="then:\n  retry: {max_attempts: 1}\n  patch:\n    - {op: replace, path: address.state, value: CA}",
        right="then:\n  retry: {max_attempts: 1}\n  patch:\n    - {op: replace, path: /data/address/state, value: CA}",
    ),
    "E033": Explanation(
        meaning="A patch operation has a part too many or too few (value, value_from, from).",
        why="It would be a guess what is to be written into the record.",
        wrong="then:\n  retry: {max_attempts: 1}\n  patch:\n    - {op: replace, path: /data/state}",
        right="then:\n  retry: {max_attempts: 1}\n  patch:\n    - {op: replace, path: /data/state, value: CA}",
    ),
    "E034": Explanation(
        meaning="The patch uses a named group that no pattern of the rule has.",
        why="There would be nothing to write: every such error would be held instead of mended.",
        wrong="when:\n  message: {regex: \"state '(?P<state>[^']+)'\"}\nthen:\n  retry: {max_attempts: 1}\n"
        "  patch:\n    - {op: replace, path: /data/state, value_from: {match: province}}",
        right="when:\n  message: {regex: \"state '(?P<state>[^']+)'\"}\nthen:\n  retry: {max_attempts: 1}\n"
        "  patch:\n    - {op: replace, path: /data/state, value_from: {match: state}}",
    ),
    "E035": Explanation(
        meaning="The patch looks up a table that the file does not have.",
        why="There would be nothing to write: every such error would be held instead of mended. Tables belong to "
        "the file that they stand in.",
        wrong="version: 1\ntables:\n  us_states: {California: CA}\nrules:\n  - id: state-name\n"
        "    why: NetSuite wants the state's code.\n    when: {code: INVALID_KEY_OR_REF}\n    then:\n"
        "      retry: {max_attempts: 1}\n      patch:\n"
        "        - {op: replace, path: /data/state, value_from: {data: state, lookup: states}}",
        right="version: 1\ntables:\n  us_states: {California: CA}\nrules:\n  - id: state-name\n"
        "    why: NetSuite wants the state's code.\n    when: {code: INVALID_KEY_OR_REF}\n    then:\n"
        "      retry: {max_attempts: 1}\n      patch:\n"
        "        - {op: replace, path: /data/state, value_from: {data: state, lookup: us_states}}",
    ),
    "E036": Explanation(
        meaning="A transform that does not exist or has the wrong argument.",
        why="The value would be written as it is, and refused again.",
        wrong="then:\n  retry: {max_attempts: 1}\n  patch:\n"
        "    - {op: replace, path: /data/name, value_from: {data: name, transform: [truncate]}}",
        right="then:\n  retry: {max_attempts: 1}\n  patch:\n"
        "    - {op: replace, path: /data/name, value_from: {data: name, transform: [{truncate: 32}]}}",
    ),
    "E037": Explanation(
        meaning="A table's CSV file cannot be used: missing, not below the rule file, without the column, or a key "
        "twice.",
        why="A patch must not write from a table that says two things, or from a file that others can exchange.",
        wrong="version: 1\ntables:\n  skus: {csv: ../skus.csv, key: old, value: new}\nrules:\n  - id: dup-order\n"
        "    why: The order is there.\n    when: {code: DUP_RCRD}\n    then: {leave: {}}",
        right="version: 1\ntables:\n  skus: {csv: tables/sku.csv, key: old_sku, value: new_sku}\nrules:\n"
        "  - id: dup-order\n    why: The order is there.\n    when: {code: DUP_RCRD}\n    then: {leave: {}}",
    ),
    "E038": Explanation(
        meaning="An edit field contradicts itself: limits on text, a minimum over the maximum, a choice of another type.",
        why="People would be shown a field into which nothing can be entered.",
        wrong="then:\n  hold:\n    queue: warehouse\n    edit:\n      - {path: /data/quantity, type: integer, min: 9, max: 1}",
        right="then:\n  hold:\n    queue: warehouse\n    edit:\n      - {path: /data/quantity, type: integer, min: 1, max: 9}",
    ),
    "E039": Explanation(
        meaning="Not an e-mail address: a name, an @ and a domain with a dot.",
        why="integrator.io assigns errors to the e-mail address of a user; it would refuse anything else.",
        wrong="then:\n  hold: {queue: warehouse}\n  assign: warehouse",
        right="then:\n  hold: {queue: warehouse}\n  assign: clerk@example.com",
    ),
    "E040": Explanation(
        meaning='A test says nothing that can be tested: exactly one of "match" and "no_match"; "patched" needs a patch.',
        why="It would pass whatever the rule does, and everybody would think that the rule is tested.",
        wrong="tests:\n  - name: duplicates\n    data: {type: invoice}",
        right="tests:\n  - name: duplicates\n    match: {code: DUP_RCRD}\n    data: {type: invoice}",
    ),
    "E050": Explanation(
        meaning="A test beside a rule fails: the rule would do something else than whoever wrote it expects.",
        why="It would do something else with real errors, too. Whoever changed the rule corrects the test; whoever "
        "did not, the rule.",
        wrong="when:\n  code: DUP_RCRD\ntests:\n  - match: {code: DUP_ITEM}",
        right="when:\n  code: [DUP_RCRD, DUP_ITEM]\ntests:\n  - match: {code: DUP_ITEM}",
    ),
    "E051": Explanation(
        meaning="The rule reads well and still cannot be compiled.",
        why="Flowmend should have said why where it stands: please tell its makers, with the rule.",
        wrong="a rule that reading accepts and compiling refuses; none is known",
        right="the same in simpler conditions",
    ),
}
