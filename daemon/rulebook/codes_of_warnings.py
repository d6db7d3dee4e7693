"""Codes of warnings: what is allowed in rule files and still hardly meant."""

from collections.abc import Mapping

from daemon.rulebook.explanation import Explanation

OF_WARNINGS: Mapping[str, Explanation] = {
    "W030": Explanation(
        meaning='The rule has no "why". Whoever reads the report at night has only that sentence.',
        why="Nobody dares to change a rule of which nobody knows what it was for.",
        wrong="- id: ns-busy\n  when: {code: SSS_REQUEST_LIMIT_EXCEEDED}\n  then: {retry: {after: 5m}}\n"
        "  tests:\n    - match: {code: SSS_REQUEST_LIMIT_EXCEEDED}",
        right="- id: ns-busy\n  why: Too many requests at once; the record itself is fine.\n"
        "  when: {code: SSS_REQUEST_LIMIT_EXCEEDED}\n  then: {retry: {after: 5m}}\n"
        "  tests:\n    - match: {code: SSS_REQUEST_LIMIT_EXCEEDED}",
    ),
    "W031": Explanation(
        meaning="The rule can never act: a rule before it takes every error that it would match.",
        why="The first rule that matches wins. Whoever wrote the later one thinks that it works.",
        wrong="- id: any-duplicate\n  why: A person compares the two.\n  when: {code: DUP_RCRD}\n"
        "  then: {hold: {queue: data}}\n"
        "- id: same-order\n  why: The order is there.\n"
        "  when: {code: DUP_RCRD, message: {contains: external ID}}\n  then: {leave: {}}",
        right="- id: same-order\n  why: The order is there.\n"
        "  when: {code: DUP_RCRD, message: {contains: external ID}}\n  then: {leave: {}}\n"
        "- id: any-duplicate\n  why: A person compares the two.\n  when: {code: DUP_RCRD}\n"
        "  then: {hold: {queue: data}}",
    ),
    "W032": Explanation(
        meaning="The pattern fits every text, so the condition decides nothing.",
        why="The rule takes more errors than its conditions seem to say.",
        wrong="when:\n  code: USER_ERROR\n  message: {regex: '.*'}",
        right="when:\n  code: USER_ERROR\n  message: {regex: 'item [A-Z]+-[0-9]+'}",
    ),
    "W033": Explanation(
        meaning='No error can meet all conditions of the rule (or of one branch of its "any"): they contradict each '
        "other.",
        why="The rule never acts, and nothing says so: the errors it was written for stay as they are.",
        wrong="when:\n  code: DUP_RCRD\n  all:\n    - code: DUP_ITEM",
        right="when:\n  code: [DUP_RCRD, DUP_ITEM]",
    ),
    "W034": Explanation(
        meaning="Two rules match the same errors and do opposite things with them; neither is the exception of the "
        "other, and no test shows which is meant.",
        why="Only their order decides. Whoever moves a rule or renames a file turns a hold into a retry.",
        wrong="- id: busy-at-night\n  why: It is over by itself.\n  when: {code: T-100, http_status: 500}\n"
        "  then: {retry: {after: 10m}}\n"
        "- id: unsure-orders\n  why: The order may be there.\n  when: {code: T-100, step_type: import}\n"
        "  then: {hold: {queue: data}}",
        right="- id: busy-at-night\n  why: It is over by itself.\n  when: {code: T-100, http_status: 500}\n"
        "  then: {retry: {after: 10m}}\n  tests:\n"
        "    - match: {code: T-100, http_status: 500, step_type: import}\n"
        "      name: at 500 the order was not taken\n"
        "- id: unsure-orders\n  why: The order may be there.\n  when: {code: T-100, step_type: import}\n"
        "  then: {hold: {queue: data}}",
    ),
    "W035": Explanation(
        meaning="A rule resolves errors by their source, class, status or place alone: it asks for no code and no "
        "words of the message.",
        why="It also resolves errors that nobody has seen yet, and nothing opens them again: their records are "
        "missing in the target, and nobody knows.",
        wrong="when:\n  source: application\n  classification: duplicate\nthen:\n"
        "  resolve: {because: the record is there already}",
        right="when:\n  source: application\n  code: DUP_RCRD\n"
        '  message: {contains: "external ID"}\nthen:\n  resolve: {because: the record is there already}',
    ),
    "W036": Explanation(
        meaning="The rule looks at the message where the error's code would do.",
        why="Messages change with languages and updates, and may quote the codes of other errors. Codes do not.",
        wrong="when:\n  message: {contains: DUP_RCRD}",
        right="when:\n  code: DUP_RCRD",
    ),
    "W037": Explanation(
        meaning="No test shows an error that the rule must take.",
        why="The next change, in this rule or one before it, can take its errors away without anybody noticing.",
        wrong="- id: dup-order\n  why: The order is there.\n  when: {code: DUP_RCRD}\n  then: {leave: {}}",
        right="- id: dup-order\n  why: The order is there.\n  when: {code: DUP_RCRD}\n  then: {leave: {}}\n"
        "  tests:\n    - match: {code: DUP_RCRD, message: This record already exists}",
    ),
    "W038": Explanation(
        meaning="A source or classification that integrator.io is not known to use, but nearly so.",
        why="Where the name is wrong the condition never holds, and nothing says so.",
        wrong="when:\n  code: ETIMEDOUT\n  source: aplication",
        right="when:\n  code: ETIMEDOUT\n  source: application",
    ),
    "W039": Explanation(
        meaning="The rule matches recorded errors and would have taken none of them: a rule before it does the opposite "
        "with all of these. Told only with --account.",
        why="The rule seems to work and never acts; what it was written for is done otherwise.",
        wrong="- id: busy\n  why: It is over by itself.\n  when: {message: {regex: 'busy|locked'}}\n"
        "  then: {retry: {after: 10m}}\n"
        "- id: locked-orders\n  why: Somebody must unlock the order.\n"
        "  when: {message: {regex: 'order [0-9]+ is locked'}}\n  then: {hold: {queue: data}}",
        right="- id: locked-orders\n  why: Somebody must unlock the order.\n"
        "  when: {message: {regex: 'order [0-9]+ is locked'}}\n  then: {hold: {queue: data}}\n"
        "- id: busy\n  why: It is over by itself.\n  when: {message: {regex: 'busy|locked'}}\n"
        "  then: {retry: {after: 10m}}",
    ),
    "W040": Explanation(
        meaning="The account has no integration, flow or step of this name, or the configuration no such account. Told "
        "only with --account.",
        why="A flow that was renamed leaves its rules without errors: they never act, and nothing says so.",
        wrong="when:\n  code: DUP_RCRD\n  flow: Amzon orders to NetSuite",
        right="when:\n  code: DUP_RCRD\n  flow: Amazon orders to NetSuite",
    ),
    "W041": Explanation(
        meaning="No integration, flow or step of the account fits the wildcards (or other operators). Told only with "
        "--account.",
        why="The rule never acts. A glob is held against the whole name: for a part of it, put * on both sides.",
        wrong="when:\n  code: DUP_RCRD\n  flow: Amazon*NetSuit",
        right="when:\n  code: DUP_RCRD\n  flow: Amazon*NetSuite",
    ),
    "W042": Explanation(
        meaning="Each of the names is known, and no step of the account has them all: the step is in another flow, or "
        "the flow in another integration. Told only with --account.",
        why="The rule never acts: all of its conditions must hold at once.",
        wrong="when:\n  code: DUP_RCRD\n  flow: Amazon orders to NetSuite\n  step: Post price list",
        right="when:\n  code: DUP_RCRD\n  flow: Amazon orders to NetSuite\n  step: Create sales order",
    ),
}
