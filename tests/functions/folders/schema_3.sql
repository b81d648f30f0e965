BEGIN TRANSACTION;
CREATE TABLE accounts (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            credits INTEGER NOT NULL CHECK (credits >= 0),
            allowed INTEGER NOT NULL DEFAULT 1,
            loopback_only INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
INSERT INTO "accounts" VALUES('ann','Ann ☃',5,1,0);
INSERT INTO "accounts" VALUES('dev','development',990,1,1);
CREATE TABLE claims (
            account_id TEXT NOT NULL REFERENCES accounts (id),
            key TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            inference_id TEXT NOT NULL,
            running_until REAL NOT NULL,
            expires_at REAL NOT NULL,
            PRIMARY KEY (account_id, key)
        ) WITHOUT ROWID;
INSERT INTO "claims" VALUES('ann','key-1','f','00000000-0000-0000-0000-000000000001',0.0,5000000000.0);
INSERT INTO "claims" VALUES('ann','key-2','f','00000000-0000-0000-0000-000000000002',0.0,5000000000.0);
INSERT INTO "claims" VALUES('ann','key-3','f','00000000-0000-0000-0000-000000000003',0.0,5000000000.0);
INSERT INTO "claims" VALUES('ann','key-4','f','00000000-0000-0000-0000-000000000004',0.0,5000000000.0);
CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            state TEXT NOT NULL,
            created_at REAL NOT NULL,
            deadline_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            price INTEGER NOT NULL CHECK (price >= 0),
            request TEXT NOT NULL,
            interpretation TEXT NOT NULL,
            idempotency_key TEXT,
            attempts INTEGER NOT NULL,
            manifest TEXT,
            failure TEXT
        , locations TEXT);
INSERT INTO "jobs" VALUES('00000000-0000-0000-0000-000000000001','ann','accepted',101.0,4000000000.0,5000000000.0,2,'{"inference_id":"00000000-0000-0000-0000-000000000001","image":"inputs/00000000-0000-0000-0000-000000000001/image","mask":null,"wish":{"prompt":"hills 1 ☃","negative_prompt":"","count":1,"format":"JPG","seed":7,"mask_mode":"auto"},"output_ids":["00000000-0000-0000-0000-000000000065.jpg"],"painter":null,"account":"ann","deadline_at":null,"correlation_id":null,"attempt":1}','{"source":"image_alpha","painted_share":0.25,"warnings":[]}','key-1',1,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('00000000-0000-0000-0000-000000000002','ann','painting',102.0,4000000000.0,5000000000.0,2,'{"inference_id":"00000000-0000-0000-0000-000000000002","image":"inputs/00000000-0000-0000-0000-000000000002/image","mask":null,"wish":{"prompt":"hills 2 ☃","negative_prompt":"","count":1,"format":"JPG","seed":7,"mask_mode":"auto"},"output_ids":["00000000-0000-0000-0000-000000000066.jpg"],"painter":null,"account":"ann","deadline_at":null,"correlation_id":null,"attempt":1}','{"source":"image_alpha","painted_share":0.25,"warnings":[]}','key-2',2,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('00000000-0000-0000-0000-000000000003','ann','succeeded',103.0,4000000000.0,5000000000.0,2,'{"inference_id":"00000000-0000-0000-0000-000000000003","image":"inputs/00000000-0000-0000-0000-000000000003/image","mask":null,"wish":{"prompt":"hills 3 ☃","negative_prompt":"","count":1,"format":"JPG","seed":7,"mask_mode":"auto"},"output_ids":["00000000-0000-0000-0000-000000000067.jpg"],"painter":null,"account":"ann","deadline_at":null,"correlation_id":null,"attempt":1}','{"source":"image_alpha","painted_share":0.25,"warnings":[]}','key-3',3,'{"inference_id":"00000000-0000-0000-0000-000000000003","files":[{"id":"00000000-0000-0000-0000-000000000067.jpg","seed":7,"bytes":40,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}],"painter":{"name":"flat","model":"test","reads_prompt":true},"width":64,"height":48,"seconds":0.5,"model_digest":null,"timings":null,"warnings":[]}',NULL,NULL);
INSERT INTO "jobs" VALUES('00000000-0000-0000-0000-000000000004','ann','failed',104.0,4000000000.0,5000000000.0,2,'{"inference_id":"00000000-0000-0000-0000-000000000004","image":"inputs/00000000-0000-0000-0000-000000000004/image","mask":null,"wish":{"prompt":"hills 4 ☃","negative_prompt":"","count":1,"format":"JPG","seed":7,"mask_mode":"auto"},"output_ids":["00000000-0000-0000-0000-000000000068.jpg"],"painter":null,"account":"ann","deadline_at":null,"correlation_id":null,"attempt":1}','{"source":"image_alpha","painted_share":0.25,"warnings":[]}','key-4',4,NULL,'{"inference_id":"00000000-0000-0000-0000-000000000004","error_code":"painting_failed","detail":"it broke","field":null}',NULL);
CREATE TABLE keys (
            digest TEXT PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            created_at REAL NOT NULL,
            revoked_at REAL
        ) WITHOUT ROWID;
INSERT INTO "keys" VALUES('231f6961684dba687b214a6ff3f14f27b378581ab71294ab55f4c8f4118c5483','ann',99.0,100.0);
INSERT INTO "keys" VALUES('c1f38237ea152d3657023bae97951079e46da1609723815662492910e11fd56d','ann',101.0,NULL);
INSERT INTO "keys" VALUES('ef260e9aa3c673af240d17a2660480361a8e081d1ffeca2a5ed0e3219fc18567','dev',100.0,NULL);
CREATE TABLE pictures (
            name TEXT PRIMARY KEY,
            media_type TEXT NOT NULL,
            account_id TEXT NOT NULL,
            expires_at REAL NOT NULL,
            size INTEGER NOT NULL
        , inference_id TEXT) WITHOUT ROWID;
INSERT INTO "pictures" VALUES('00000000-0000-0000-0000-000000000067.jpg','image/jpeg','ann',5000000000.0,40,'00000000-0000-0000-0000-000000000003');
INSERT INTO "pictures" VALUES('inputs/00000000-0000-0000-0000-000000000001/image','image/jpeg','ann',5000000000.0,49,NULL);
INSERT INTO "pictures" VALUES('inputs/00000000-0000-0000-0000-000000000002/image','image/jpeg','ann',5000000000.0,49,NULL);
INSERT INTO "pictures" VALUES('inputs/00000000-0000-0000-0000-000000000004/image','image/jpeg','ann',5000000000.0,49,NULL);
CREATE INDEX jobs_by_expiry ON jobs (expires_at);
CREATE INDEX jobs_unended ON jobs (created_at)
            WHERE state IN ('accepted', 'dispatched', 'painting');
CREATE INDEX claims_by_expiry ON claims (expires_at);
CREATE INDEX pictures_by_expiry ON pictures (expires_at);
COMMIT;
PRAGMA user_version = 3;
