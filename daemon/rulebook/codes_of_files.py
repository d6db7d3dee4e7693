"""Codes of messages about files as such: before it is known which rules they hold."""

from collections.abc import Mapping

from daemon.rulebook.explanation import Explanation

OF_FILES: Mapping[str, Explanation] = {
    "E001": Explanation(
        meaning="A rule file or directory cannot be read: it is missing, not allowed, or no .yaml, .yml or .toml file.",
        why="Rules are loaded whole or not at all: with one file left out, others would take its errors.",
        wrong="flowmend check rule/20-netsuite.yml.bak",
        right="flowmend check rules/20-netsuite.yaml",
    ),
    "E002": Explanation(
        meaning="The file is not plain UTF-8 text, or it is larger than 1 MiB.",
        why='Saved in another encoding, "Zürich" is another text than the one in the message, and never found in it.',
        wrong="20-netsuite.yaml saved as Windows-1252 or UTF-16",
        right='20-netsuite.yaml saved as UTF-8 (in most editors: "Save with encoding")',
    ),
    "E003": Explanation(
        meaning="A key stands twice in the same place. Only one of the two could count, and it would not say which.",
        why="YAML itself would silently take the last one: half of the conditions would be gone.",
        wrong="when:\n  code: DUP_RCRD\n  code: DUP_ITEM",
        right="when:\n  code: [DUP_RCRD, DUP_ITEM]",
    ),
    "E004": Explanation(
        meaning="The file cannot be taken apart: a quote, bracket, colon or indentation is not where it should be.",
        why="Nothing of the file can be read before that is put right; further mistakes show up only then.",
        wrong="when:\n  message: {contains: Error: no such item}",
        right='when:\n  message: {contains: "Error: no such item"}',
    ),
    "E005": Explanation(
        meaning="A part of YAML that rule files do without: anchors and aliases, tags, merge keys, several documents.",
        why="A rule says everything in its own place, so that whoever reads it at night sees all of it.",
        wrong="when: &duplicates\n  code: DUP_RCRD",
        right="when:\n  code: DUP_RCRD",
    ),
    "E006": Explanation(
        meaning="Nested too deeply (64 levels), or so many problems in one file that the rest is not shown.",
        why="A file like that is broken from end to end, often by one bracket or quote far above.",
        wrong="when:\n  code: " + "[" * 65 + "DUP_RCRD" + "]" * 65,
        right="when:\n  code: [DUP_RCRD]",
    ),
    "E007": Explanation(
        meaning="Not a number that can be used: infinite, not a number at all, or longer than 40 characters.",
        why="Nothing can be compared with it or multiplied by it; as text it needs quotes.",
        wrong="when:\n  code: .nan",
        right='when:\n  code: ".nan"',
    ),
    "E008": Explanation(
        meaning="There is nothing to read: an empty file, or a directory without rule files.",
        why="A half-saved file looks just like that, and would drop all of its rules without a word.",
        wrong="# NetSuite: duplicates",
        right="version: 1\nrules:\n  - id: dup-order\n    why: The order is there already.\n"
        "    when: {code: DUP_RCRD}\n    then: {leave: {}}",
    ),
    "E009": Explanation(
        meaning="The files changed again and again while they were read, so nobody could say what belongs together.",
        why="Half of the old rules and half of the new ones could be worse than either.",
        wrong="a script that writes into rules/ while flowmend check reads it",
        right="the files are written elsewhere, then moved into rules/ at once",
    ),
    "E010": Explanation(
        meaning="A key is missing without which nobody could say what is meant.",
        why="Filled in by a guess, the rule would do something that nobody wrote.",
        wrong="then:\n  hold: {title: Not enough stock}",
        right="then:\n  hold: {title: Not enough stock, queue: warehouse}",
    ),
    "E011": Explanation(
        meaning="The value is of the wrong kind: a list where one text is due, text where a number is due, and so on.",
        why='Turned into the right kind by a guess, "04" may become 4, and yes may become true.',
        wrong='then:\n  retry: {max_attempts: "3"}',
        right="then:\n  retry: {max_attempts: 3}",
    ),
    "E012": Explanation(
        meaning='The format\'s version is not known. Every file says "version: 1".',
        why="A later version may mean something else by the same words.",
        wrong="version: 2\nrules:\n  - id: dup-order\n    why: The order is there already.\n"
        "    when: {code: DUP_RCRD}\n    then: {leave: {}}",
        right="version: 1\nrules:\n  - id: dup-order\n    why: The order is there already.\n"
        "    when: {code: DUP_RCRD}\n    then: {leave: {}}",
    ),
    "E013": Explanation(
        meaning="An empty text, list or map where something must stand.",
        why='Every message contains the text "": the condition would hold for all errors.',
        wrong='when:\n  message: {contains: ""}',
        right="when:\n  message: {contains: already exists}",
    ),
    "E014": Explanation(
        meaning="A key that does not exist here, most often a spelling mistake. It is refused because ignoring it would "
        "change what the rule does.",
        why="With a condition ignored, the rule takes more errors than you meant; with an option ignored, it does "
        "something else with them.",
        wrong="when:\n  code: DUP_RCRD\n  clasification: duplicate",
        right="when:\n  code: DUP_RCRD\n  classification: duplicate",
    ),
    "E015": Explanation(
        meaning="A name that is not a slug: lower-case letters, digits, and single hyphens or underscores between them.",
        why="Ids, classes and queues stand in reports, metrics and links, where blanks and capitals cause trouble.",
        wrong="classify: Not there yet",
        right="classify: not-there-yet",
    ),
    "E016": Explanation(
        meaning="Two rules have the same id. History, limits and reports are kept by rule id.",
        why="Two rules under one id would share their limits and attempts, and reports would mix them up.",
        wrong="- id: dup\n  why: The order is there.\n  when: {code: DUP_RCRD}\n  then: {leave: {}}\n"
        "- id: dup\n  why: The item is there.\n  when: {code: DUP_ITEM}\n  then: {leave: {}}",
        right="- id: dup-order\n  why: The order is there.\n  when: {code: DUP_RCRD}\n  then: {leave: {}}\n"
        "- id: dup-item\n  why: The item is there.\n  when: {code: DUP_ITEM}\n  then: {leave: {}}",
    ),
    "E017": Explanation(
        meaning="The value is not one of those allowed here, most often a spelling mistake.",
        why="Only these values mean something; with any other the rule would never match, or not do what it says.",
        wrong="when:\n  code: ENOENT\n  step_type: lookup",
        right="when:\n  code: ENOENT\n  step_type: export",
    ),
    "E018": Explanation(
        meaning="A number or duration outside its range, or one that contradicts another.",
        why="The rule could never do what it says: no attempts, a retry that is due when the error is too old for it.",
        wrong="then:\n  retry: {after: 8d, max_age: 7d}",
        right="then:\n  retry: {after: 1h, max_age: 7d}",
    ),
    "E019": Explanation(
        meaning='Not a duration. Durations are a number and a unit: "90s", "5m", "1h", "7d", "1h30m".',
        why="A bare 5 could be seconds or minutes: the difference between a nap and a storm of retries.",
        wrong="then:\n  retry: {after: 5}",
        right="then:\n  retry: {after: 5m}",
    ),
}
