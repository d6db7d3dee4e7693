-- A store as the version before 0004 left it when it was killed: two retries accepted, of one the answer was lost.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE aliases (
	step_no INTEGER NOT NULL, 
	alias TEXT NOT NULL, 
	case_root TEXT NOT NULL, 
	PRIMARY KEY (step_no, alias), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
CREATE TABLE batch_items (
	batch_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	step_no INTEGER NOT NULL, 
	case_key TEXT NOT NULL, 
	case_root TEXT NOT NULL, 
	alias TEXT NOT NULL, 
	retry_key TEXT NOT NULL, 
	outcome TEXT, 
	settled_at BIGINT, 
	missed BOOLEAN NOT NULL, settled_by TEXT DEFAULT '' NOT NULL, settled_why TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (batch_no, error_id), 
	FOREIGN KEY(batch_no) REFERENCES batches (batch_no), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
INSERT INTO "batch_items" VALUES(1,'5646500001',0,2,'t:115-1007919-3674630','t:115-1007919-3674630','','3c0e87ba9863da667b6ed51d54f16bd9',NULL,NULL,0,'','');
INSERT INTO "batch_items" VALUES(1,'5646500002',1,2,'t:104-1015838-7993998','t:104-1015838-7993998','','a24906af7642c297a4d97f8e8d47709d',NULL,NULL,0,'','');
INSERT INTO "batch_items" VALUES(2,'5646500003',0,2,'t:111-1023757-9640162','t:111-1023757-9640162','','22cb01a30aa7361bb4a6eb7eeab3e8f9',NULL,NULL,0,'','');
INSERT INTO "batch_items" VALUES(2,'5646500004',1,2,'t:113-1031676-7572173','t:113-1031676-7572173','','80975a4dc51f253a5041d187663e1591',NULL,NULL,0,'','');
INSERT INTO "batch_items" VALUES(3,'5646500005',0,2,'t:117-1039595-2483373','t:117-1039595-2483373','','43fa2cfb1135a4add3c7580e303e0cc4',NULL,NULL,0,'','');
INSERT INTO "batch_items" VALUES(3,'5646500007',1,2,'d:f83f1929fdcaa64ee25c3a24fa213eb5','d:f83f1929fdcaa64ee25c3a24fa213eb5','','ac40b969a28a7b8f4d3dab64fa008825',NULL,NULL,0,'','');
CREATE TABLE batches (
	batch_no INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	step_no INTEGER NOT NULL, 
	act TEXT NOT NULL, 
	rule_id TEXT NOT NULL, 
	rules TEXT NOT NULL, 
	plan_id BIGINT NOT NULL, 
	detail TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	intended_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	job_id TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
);
INSERT INTO "batches" VALUES(1,2,'retry','again','rules@d0476762',1,'',2,'accepted',1795351048205,NULL,'afd1852a6985fd28e1a41df9','');
INSERT INTO "batches" VALUES(2,2,'retry','again','rules@d0476762',1,'',2,'unknown',1795351048220,NULL,'','POST /flows/0121bf7ddb6bbe56a438b566/a07f06855739a3b2a39e2e5f/retry: the answer was lost (ClientConnectionError: ServerDisconnectedError: Server disconnected); whether it was done is not known');
INSERT INTO "batches" VALUES(3,2,'retry','again','rules@d0476762',1,'',2,'accepted',1795351048229,NULL,'c8604e8fc1de56e8f8523411','');
CREATE TABLE breakers (
	account TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	target TEXT NOT NULL, 
	state TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	probe_at BIGINT, 
	trips BIGINT NOT NULL, 
	PRIMARY KEY (account, kind, target)
)
 WITHOUT ROWID

;
CREATE TABLE catalogues (
	account TEXT NOT NULL, 
	read_at BIGINT NOT NULL, 
	PRIMARY KEY (account)
);
INSERT INTO "catalogues" VALUES('acme',1795351048072);
CREATE TABLE departures (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	left_at BIGINT NOT NULL, 
	how TEXT NOT NULL, 
	PRIMARY KEY (step_no, error_id), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
CREATE TABLE errors (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	case_key TEXT NOT NULL, 
	code TEXT NOT NULL, 
	occurred_at BIGINT, 
	fingerprint BIGINT NOT NULL, 
	verdict_no BIGINT NOT NULL, 
	wants BIGINT NOT NULL, 
	tried BIGINT NOT NULL, 
	seen_after BIGINT NOT NULL, 
	due_at BIGINT, 
	first_seen_at BIGINT NOT NULL, 
	batch_no INTEGER, 
	PRIMARY KEY (step_no, error_id), 
	FOREIGN KEY(batch_no) REFERENCES batches (batch_no), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
INSERT INTO "errors" VALUES(1,'5646500001','t:118-1071271-8415081','INVALID_LOGIN_ATTEMPT',1795303194234,-4797564547999256897,1,0,0,0,NULL,1795351048148,NULL);
INSERT INTO "errors" VALUES(1,'5646500002','t:106-1079190-1229172','file_transfer_failed',1795319695323,8306898003861945308,1,0,0,0,NULL,1795351048148,NULL);
INSERT INTO "errors" VALUES(2,'5646500001','t:115-1007919-3674630','SSS_REQUEST_LIMIT_EXCEEDED',1795180438904,-2296888284952851059,3,0,0,0,NULL,1795351048159,1);
INSERT INTO "errors" VALUES(2,'5646500002','t:104-1015838-7993998','UNEXPECTED_ERROR',1795184524801,-8736561702461256403,3,0,0,0,NULL,1795351048159,1);
INSERT INTO "errors" VALUES(2,'5646500003','t:111-1023757-9640162','INVALID_KEY_OR_REF',1795196803421,-6614621818119742295,3,0,0,0,NULL,1795351048159,2);
INSERT INTO "errors" VALUES(2,'5646500004','t:113-1031676-7572173','DUP_RCRD',1795240322095,-7484270194509248382,3,0,0,0,NULL,1795351048159,2);
INSERT INTO "errors" VALUES(2,'5646500005','t:117-1039595-2483373','INVALID_KEY_OR_REF',1795253366216,-2540697639299341927,3,0,0,0,NULL,1795351048159,3);
INSERT INTO "errors" VALUES(2,'5646500006','t:100-1047514-8564263','SSS_SEARCH_TIMEOUT',1795281737573,5581228712265315557,1,0,0,0,NULL,1795351048159,NULL);
INSERT INTO "errors" VALUES(2,'5646500007','d:f83f1929fdcaa64ee25c3a24fa213eb5','ECONNRESET',1795287885290,1561375035226828664,3,0,0,0,NULL,1795351048159,3);
INSERT INTO "errors" VALUES(2,'5646500008','t:106-1063352-7103734','RCRD_HAS_BEEN_CHANGED',1795291194656,3989892776598338804,2,0,0,0,NULL,1795351048159,NULL);
CREATE TABLE flow_marks (
	account TEXT NOT NULL, 
	flow_id TEXT NOT NULL, 
	num_error BIGINT, 
	last_error_at BIGINT, 
	PRIMARY KEY (account, flow_id)
)
 WITHOUT ROWID

;
INSERT INTO "flow_marks" VALUES('acme','0121bf7ddb6bbe56a438b566',10,1795319695323);
CREATE TABLE flows (
	account TEXT NOT NULL, 
	flow_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	integration_id TEXT NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	steps TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	PRIMARY KEY (account, flow_id)
)
 WITHOUT ROWID

;
INSERT INTO "flows" VALUES('acme','0121bf7ddb6bbe56a438b566','Orders to NetSuite','58cf907060ff9c2b2a7a2681',0,'[["16681092d749fa9d28b37617", "export"], ["a07f06855739a3b2a39e2e5f", "import"]]',0);
CREATE TABLE foreign_attempts (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	case_root TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (step_no, error_id), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
CREATE TABLE gone_cases (
	step_no INTEGER NOT NULL, 
	case_key TEXT NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	PRIMARY KEY (step_no, case_key), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
CREATE TABLE held (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	queue TEXT NOT NULL, 
	title TEXT NOT NULL, 
	edit TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	held_at BIGINT NOT NULL, 
	PRIMARY KEY (step_no, error_id), 
	FOREIGN KEY(step_no, error_id) REFERENCES errors (step_no, error_id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE integrations (
	account TEXT NOT NULL, 
	integration_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	PRIMARY KEY (account, integration_id)
)
 WITHOUT ROWID

;
INSERT INTO "integrations" VALUES('acme','58cf907060ff9c2b2a7a2681','Shop',0);
CREATE TABLE leases (
	account TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	token BIGINT NOT NULL, 
	renewed_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (account)
)
 WITHOUT ROWID

;
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('identity:acme','{"user_id": "5e0c1f2a9b3d4e5f60718293", "base_url": "http://127.0.0.1:8799/v1", "share_id": ""}');
INSERT INTO "meta" VALUES('baseline:acme','adopted');
INSERT INTO "meta" VALUES('alive:acme','2026-11-22T12:37:28.238247+00:00');
CREATE TABLE missed (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	PRIMARY KEY (step_no, error_id), 
	FOREIGN KEY(step_no, error_id) REFERENCES errors (step_no, error_id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
CREATE TABLE patches (
	batch_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	step_no INTEGER NOT NULL, 
	retry_key TEXT NOT NULL, 
	before_digest TEXT NOT NULL, 
	after_digest TEXT NOT NULL, 
	"before" BLOB, 
	"after" BLOB, 
	PRIMARY KEY (batch_no, error_id), 
	FOREIGN KEY(batch_no) REFERENCES batches (batch_no), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
);
CREATE TABLE pauses (
	pause_no INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account TEXT NOT NULL, 
	flow_id TEXT NOT NULL, 
	step_id TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	paused_by TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	until BIGINT, 
	ended_at BIGINT, 
	ended_by TEXT NOT NULL
);
CREATE TABLE plan_groups (
	plan_id INTEGER NOT NULL, 
	group_no BIGINT NOT NULL, 
	step_no INTEGER NOT NULL, 
	rule_id TEXT NOT NULL, 
	act TEXT NOT NULL, 
	due BIGINT NOT NULL, 
	send BIGINT NOT NULL, 
	mode BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (plan_id, group_no), 
	FOREIGN KEY(plan_id) REFERENCES plans (plan_id) ON DELETE CASCADE, 
	FOREIGN KEY(step_no) REFERENCES steps (step_no), 
	UNIQUE (plan_id, step_no, rule_id, act)
)
 WITHOUT ROWID

;
INSERT INTO "plan_groups" VALUES(1,0,2,'again','retry',6,6,2,'','');
CREATE TABLE plan_items (
	plan_id INTEGER NOT NULL, 
	group_no BIGINT NOT NULL, 
	occurred_at BIGINT NOT NULL, 
	error_id TEXT NOT NULL, 
	case_key TEXT NOT NULL, 
	fingerprint BIGINT NOT NULL, 
	PRIMARY KEY (plan_id, group_no, occurred_at, error_id), 
	FOREIGN KEY(plan_id, group_no) REFERENCES plan_groups (plan_id, group_no) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "plan_items" VALUES(1,0,1795180438904,'5646500001','t:115-1007919-3674630',-2296888284952851059);
INSERT INTO "plan_items" VALUES(1,0,1795184524801,'5646500002','t:104-1015838-7993998',-8736561702461256403);
INSERT INTO "plan_items" VALUES(1,0,1795196803421,'5646500003','t:111-1023757-9640162',-6614621818119742295);
INSERT INTO "plan_items" VALUES(1,0,1795240322095,'5646500004','t:113-1031676-7572173',-7484270194509248382);
INSERT INTO "plan_items" VALUES(1,0,1795253366216,'5646500005','t:117-1039595-2483373',-2540697639299341927);
INSERT INTO "plan_items" VALUES(1,0,1795287885290,'5646500007','d:f83f1929fdcaa64ee25c3a24fa213eb5',1561375035226828664);
CREATE TABLE plans (
	plan_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	account TEXT NOT NULL, 
	rules TEXT NOT NULL, 
	made_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	state TEXT NOT NULL
, decided_by TEXT DEFAULT '' NOT NULL);
INSERT INTO "plans" VALUES(1,'acme','rules@d0476762',1795351048188,1795352848188,'applied','');
CREATE TABLE recorded_texts (
	text_no INTEGER NOT NULL, 
	digest BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (text_no), 
	UNIQUE (digest)
);
INSERT INTO "recorded_texts" VALUES(1,-7442752796097361232,'["ftp_bridge","file_transfer_failed","Transfer of /inbound/850/PO-.edi failed: connection closed by the server.","connection","autopilot","",[],null,true]');
INSERT INTO "recorded_texts" VALUES(2,-1434129287453420571,'["rules@d0476762","","none","unmatched",0]');
INSERT INTO "recorded_texts" VALUES(3,4825156860005775761,'["connection","INVALID_LOGIN_ATTEMPT","Invalid login attempt.","connection","autopilot","",[],401,false]');
INSERT INTO "recorded_texts" VALUES(4,-8482613491910280985,'["application","INVALID_KEY_OR_REF","Invalid state reference key ''''","value","autopilot","",[],400,true]');
INSERT INTO "recorded_texts" VALUES(5,-8017966680957289513,'["rules@d0476762","again","leave","assigned",2]');
INSERT INTO "recorded_texts" VALUES(6,-5300709855637769608,'["application","INVALID_KEY_OR_REF","Invalid shipmethod reference key ''  ''.","missing","autopilot","",[],400,true]');
INSERT INTO "recorded_texts" VALUES(7,-5262769902609168101,'["application","DUP_RCRD","This record already exists: external ID --.","duplicate","autopilot","",[],400,true]');
INSERT INTO "recorded_texts" VALUES(8,-3555036448824501734,'["application","RCRD_HAS_BEEN_CHANGED","Record has been changed","intermittent","autopilot","clerk@example.com",[],400,true]');
INSERT INTO "recorded_texts" VALUES(9,3042969374876291386,'["rules@d0476762","again","retry","due",2]');
INSERT INTO "recorded_texts" VALUES(10,3086748930100460260,'["lookup","SSS_SEARCH_TIMEOUT","Search for customer ''@.'' timed out after 60 seconds.","intermittent","autopilot","",[],408,true]');
INSERT INTO "recorded_texts" VALUES(11,5543247794264427496,'["application","SSS_REQUEST_LIMIT_EXCEEDED","Request Limit Exceeded: too many requests ran at once for account . Please try again later.","governance","autopilot","",[],429,true]');
INSERT INTO "recorded_texts" VALUES(12,6155422965483164830,'["application","ECONNRESET","read ECONNRESET","connection","autopilot","",[],null,true]');
INSERT INTO "recorded_texts" VALUES(13,9157986353614603140,'["application","UNEXPECTED_ERROR","An unexpected error occurred. Error ID: ","intermittent","autopilot","",[],500,true]');
CREATE TABLE recordings (
	step_no INTEGER NOT NULL, 
	error_id TEXT NOT NULL, 
	said BIGINT NOT NULL, 
	ruling BIGINT NOT NULL, 
	case_known TEXT NOT NULL, 
	trace BIGINT NOT NULL, 
	occurred_at BIGINT, 
	judged_at BIGINT NOT NULL, 
	lasted_ms BIGINT NOT NULL, 
	times BIGINT NOT NULL, 
	PRIMARY KEY (step_no, error_id, said, ruling, case_known), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
INSERT INTO "recordings" VALUES(1,'5646500001',3,2,'',27575088765420,1795303194234,1795351048072,0,1);
INSERT INTO "recordings" VALUES(1,'5646500002',1,2,'',204033486462860,1795319695323,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500001',11,9,'',123177812084627,1795180438904,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500002',13,9,'',126347164834100,1795184524801,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500003',4,9,'',6740010203805,1795196803421,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500004',7,9,'',94760900901888,1795240322095,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500005',6,9,'',10285774074213,1795253366216,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500006',10,2,'',237260739532417,1795281737573,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500007',12,9,'',0,1795287885290,1795351048072,0,1);
INSERT INTO "recordings" VALUES(2,'5646500008',8,5,'',67506400572546,1795291194656,1795351048072,0,1);
CREATE TABLE rule_files (
	version TEXT NOT NULL, 
	position BIGINT NOT NULL, 
	path TEXT NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (version, position)
);
CREATE TABLE rule_loads (
	load_no INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	version TEXT NOT NULL, 
	loaded_at BIGINT NOT NULL
);
INSERT INTO "rule_loads" VALUES(1,'rules@d0476762',1795351048022);
CREATE TABLE shared_keys (
	step_no INTEGER NOT NULL, 
	trace_key TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (step_no, trace_key), 
	FOREIGN KEY(step_no) REFERENCES steps (step_no)
)
 WITHOUT ROWID

;
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('errors','errors','1000000 10000 1');
INSERT INTO "sqlite_stat1" VALUES('errors','errors_due','100000 1000 100 10 1');
INSERT INTO "sqlite_stat1" VALUES('errors','errors_in_flight','1000 100 10 1');
INSERT INTO "sqlite_stat1" VALUES('errors','errors_tried','10000 100 2 1');
INSERT INTO "sqlite_stat1" VALUES('errors','errors_wanting','1000 100 50 1');
INSERT INTO "sqlite_stat1" VALUES('held','held','10000 100 1');
INSERT INTO "sqlite_stat1" VALUES('aliases','aliases','10000 100 1');
INSERT INTO "sqlite_stat1" VALUES('aliases','aliases_by_case','10000 100 2 1');
INSERT INTO "sqlite_stat1" VALUES('batches','batches_open','10 1');
INSERT INTO "sqlite_stat1" VALUES('batch_items','batch_items_unsure','10 2');
CREATE TABLE steps (
	step_no INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	flow_id TEXT NOT NULL, 
	step_id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	connection_id TEXT NOT NULL, 
	flow_name TEXT NOT NULL, 
	integration_id TEXT NOT NULL, 
	integration_name TEXT NOT NULL, 
	num_error BIGINT, 
	last_error_at BIGINT, 
	watermark_at BIGINT, 
	swept_at BIGINT, 
	judged_with TEXT NOT NULL, 
	stored BIGINT NOT NULL, 
	PRIMARY KEY (step_no), 
	UNIQUE (account, flow_id, step_id)
);
INSERT INTO "steps" VALUES(1,'acme','0121bf7ddb6bbe56a438b566','16681092d749fa9d28b37617','export','Find customer','c70f089187e6ba141a297aac','Orders to NetSuite','58cf907060ff9c2b2a7a2681','Shop',2,1795319695323,1795351048072,1795351048072,'rules@d0476762/enforce/adopted',2);
INSERT INTO "steps" VALUES(2,'acme','0121bf7ddb6bbe56a438b566','a07f06855739a3b2a39e2e5f','import','Create sales order','c70f089187e6ba141a297aac','Orders to NetSuite','58cf907060ff9c2b2a7a2681','Shop',8,1795291194656,1795351048072,1795351048072,'rules@d0476762/enforce/adopted',8);
CREATE TABLE verdicts (
	verdict_no INTEGER NOT NULL, 
	verb TEXT NOT NULL, 
	rule_id TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (verdict_no), 
	UNIQUE (verb, rule_id, reason, detail)
);
INSERT INTO "verdicts" VALUES(1,'none','','unmatched','');
INSERT INTO "verdicts" VALUES(2,'leave','again','assigned','a person has been given it');
INSERT INTO "verdicts" VALUES(3,'retry','again','due','The record itself is fine.');
CREATE INDEX plans_by_account ON plans (account, plan_id);
CREATE INDEX aliases_by_case ON aliases (step_no, case_root);
CREATE INDEX batches_by_step ON batches (step_no, intended_at);
CREATE INDEX batches_open ON batches (batch_no) WHERE ended_at IS NULL;
CREATE INDEX foreign_attempts_by_case ON foreign_attempts (step_no, case_root);
CREATE INDEX batch_items_by_case ON batch_items (step_no, case_root);
CREATE INDEX errors_due ON errors (step_no, verdict_no, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX errors_in_flight ON errors (step_no, batch_no) WHERE batch_no IS NOT NULL;
CREATE INDEX errors_tried ON errors (step_no, case_key) WHERE tried > 0;
CREATE INDEX errors_wanting ON errors (step_no, wants) WHERE wants > 0;
CREATE INDEX patches_by_key ON patches (step_no, retry_key);
CREATE INDEX pauses_open ON pauses (pause_no) WHERE ended_at IS NULL;
CREATE INDEX batch_items_unsure ON batch_items (step_no) WHERE outcome = 'unknown';
CREATE INDEX plans_by_expiry ON plans (account, expires_at);
CREATE INDEX departures_not_asked ON departures (step_no) WHERE how = '';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('rule_loads',1);
INSERT INTO "sqlite_sequence" VALUES('plans',1);
INSERT INTO "sqlite_sequence" VALUES('batches',3);
COMMIT;
