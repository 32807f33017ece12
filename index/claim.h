/*
 * Which patient folder an instance goes to (design, "Patients").
 *
 * A claim is what instances of one study say of their patient: issuer, Patient
 * ID, name, birth date. One with an empty issuer or birth date joins the claim
 * of the same study that agrees on all it says and says more, if there is
 * exactly one that says most; so nobody is merged by a guess, and the result
 * does not depend on the order in which files arrive. When a claim comes or
 * goes and that changes where others belong, their files become pending and
 * are filed again by the scan.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_CLAIM_H
#define INDEX_CLAIM_H

#include "index/names.h"
#include "index/writer.h"

struct ix_claim {
	int64_t id;
	int64_t study;     /* its study folder; 0: the claim is new, see ix_claim_settle */
	int64_t joined;    /* claim that it joins, or itself */
	uint64_t hash;     /* of person */
	struct buf person; /* study, Patient ID and name: the same for all that can join */
	struct ix_patient_key said;
	struct ix_patient_key patient; /* of the claim that it joins */
};
void ix_claim_release(struct ix_claim *claim);
#define CLEANUP_CLAIM CLEANUP(ix_claim_release)

/* Finds the claim, or prepares a new one: then the caller makes the folders
 * that claim->patient asks for, and ix_claim_settle() adds it. claim is empty
 * (all zero). */
bool ix_claim_find(struct ix_writer *w, const struct ix_patient_key *said, struct span study_key,
		   struct ix_claim *claim, struct err *err) MUST_CHECK;
bool ix_claim_settle(struct ix_writer *w, struct ix_claim *claim, int64_t study,
		     struct err *err) MUST_CHECK;

/* Counts the entries of claims touched in the transaction and drops unused
 * ones. */
bool ix_claims_flush(struct ix_writer *w, struct err *err) MUST_CHECK;

#endif
