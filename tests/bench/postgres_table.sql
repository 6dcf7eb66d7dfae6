-- SPDX-License-Identifier: Apache-2.0
-- The events as an engineer would lay them out in PostgreSQL: typed columns, words as enums, ids
-- compared by bytes (C), so that one index serves equality and prefixes. What has no value is NULL,
-- which takes no room.
CREATE TYPE action AS ENUM ('CREATE', 'READ', 'MODIFY', 'DELETE', 'EXECUTE');
CREATE TYPE outcome AS ENUM ('SUCCESS', 'DENIED', 'FAILURE', 'UNKNOWN');
CREATE TYPE actor_type AS ENUM ('UNSPECIFIED', 'USER', 'SYSTEM', 'SERVICE', 'ANONYMOUS');

CREATE TABLE event (
	-- Fixed widths first: no padding between them.
	number bigint GENERATED ALWAYS AS IDENTITY,
	time timestamptz NOT NULL,
	id uuid NOT NULL,
	action action NOT NULL,
	outcome outcome NOT NULL,
	actor_type actor_type NOT NULL,
	actor text COLLATE "C" NOT NULL,
	object text COLLATE "C" NOT NULL,
	subject text COLLATE "C",
	unit text COLLATE "C",
	object_type text COLLATE "C",
	source text COLLATE "C" NOT NULL,
	verb text COLLATE "C",
	purpose text COLLATE "C",
	host text COLLATE "C",
	address inet,
	change_field text[],
	change_old text[],
	change_new text[]
);

-- Who asked what: PostgreSQL asked as traild is, with the reading written down and durable before the
-- answer leaves.
CREATE TABLE reading (
	number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	time timestamptz NOT NULL DEFAULT clock_timestamp(),
	reader text NOT NULL DEFAULT session_user,
	question text NOT NULL
);
