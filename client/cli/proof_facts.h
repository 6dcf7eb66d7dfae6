/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of evidence that was judged, in sentences for people and as JSON for programs. */
#ifndef CLI_PROOF_FACTS_H
#define CLI_PROOF_FACTS_H

#include "output.h"

#include "../../include/trail.h"

/* Behind the verdict: who signed, sealed, cosigned and stamped it, and what it does not prove. */
void proof_facts_print(FILE *to, const struct trail_verify *v, bool utc);
/* Of a whole log: who cosigned how much of it; nothing where no --policy was given. */
void proof_facts_cosigned(FILE *to, const struct trail_verify *v, bool utc);
void proof_facts_cosigned_json(json_t *to, const struct trail_verify *v);
/* The same as members of `to`, a verdict. */
void proof_facts_json(json_t *to, const struct trail_verify *v);

#endif
