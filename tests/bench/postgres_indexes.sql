-- SPDX-License-Identifier: Apache-2.0
-- Made after the first load, which is how one loads much. Each is there for a question of the bench.

-- An event is shown, and quoted, by its number.
ALTER TABLE event ADD PRIMARY KEY (number);
-- History of an object: its rows lie in the order of time, so that the first 100 need no sort. By
-- bytes (COLLATE "C"): the same index finds a path prefix, for which text_pattern_ops would be
-- needed in any other collation.
CREATE INDEX ON event (object, time);
-- An actor's day is one range; an actor with further terms is filtered from it, in order.
CREATE INDEX ON event (actor, time);
-- Who looked at a person.
CREATE INDEX ON event (subject, time);
-- Time alone: the first rows of what many events match (a short path prefix). With the unit inside,
-- a report by unit over a month reads this index and not the table. BRIN would be smaller, and
-- gives no order and no units.
CREATE INDEX ON event (time) INCLUDE (unit);
-- What was refused, per action: one event in fifty, so the index is small.
CREATE INDEX ON event (action, time) INCLUDE (unit) WHERE outcome = 'DENIED';
