/*
 * What the files of jit keep: processes, the samples that wait, the names of a generation. For
 * jit*.c only.
 */
#pragma once

#include "profiler/base/hash.h"
#include "profiler/collector/jit.h"

#include <sys/queue.h>

#define JIT_MUCH     (RESOLVE_JIT_QUESTIONS_MAX / 2) /* questions that are worth asking at once */
#define JIT_NAMELESS 0 /* as the hash of a name */
/* A nameless address takes two questions: what it was called at its first sample and its last. */
#define JIT_AGAIN_MAX (JIT_MUCH / 2)

/* A sample that waits: its record, in one piece. */
struct jit_held {
	STAILQ_ENTRY(jit_held) link;
	size_t bytes;
	uint32_t n_frames; /* through JIT code */
	struct abi_sample sample;
	uint64_t words[]; /* kernel frames, user frames, references */
};

struct jit_address {
	uint64_t address;
	uint64_t name; /* a hash of it; JIT_NAMELESS */
	uint64_t time_ns, last_ns; /* of the first sample and, while it is nameless, of the last */
	uint64_t frames; /* of samples, while it is nameless */
	uint32_t epoch; /* of the live profile that has it */
	uint32_t asked; /* nameless: with which asking it was asked again last */
};

struct jit_process {
	uint32_t pid, uid;
	uint64_t start_ns;
	uint32_t number; /* resolve's */
	uint64_t generation;
	uint64_t begun_ns; /* when that one began, of those that count against the maximum */
	uint32_t credit; /* generations that may begin now */
	struct jit_address *addresses; /* of this generation */
	uint32_t n, cap, n_nameless;
	/* A round through the nameless is at again_at of [0, round_end). */
	uint32_t again_at, round_end;
	bool eager; /* the round goes on at once: some had a name, or it is the last */
	bool over; /* the process has ended */
	bool finished; /* jit_finish() has been done for it */
	struct idmap by_address;
	STAILQ_HEAD(, jit_held) held; /* in order */
	uint64_t n_questions; /* of all that is held */
	uint64_t held_ns; /* since when the first waits */
	bool asked; /* an answer is awaited */
	uint32_t asking; /* counts them */
	uint32_t asked_again, asked_held; /* what of: nameless addresses first, then samples */
	uint64_t asked_generation;
	uint64_t *again; /* the nameless that were asked, JIT_AGAIN_MAX at most */
	bool round; /* they are of a round through all */
	uint64_t asked_ns, used_ns;
};

struct jit {
	struct resolve *resolve;
	struct objects *objects;
	jit_sample give;
	void *ctx;
	struct jit_process *process[JIT_PROCESSES_MAX];
	uint32_t n, number, epoch;
	uint32_t n_addresses; /* of all processes */
	size_t held_bytes;
	bool finishing;
	struct resolve_jit_question *questions; /* RESOLVE_JIT_QUESTIONS_MAX */
	struct jit_counts counts;
};

static inline const uint64_t *jit_held_kernel(const struct jit_held *h)
{
	return h->words;
}

static inline const struct abi_frame *jit_held_user(const struct jit_held *h)
{
	return (const struct abi_frame *)(h->words + h->sample.n_kernel);
}

static inline const struct abi_object_ref *jit_held_refs(const struct jit_held *h)
{
	return (const struct abi_object_ref *)(jit_held_user(h) + h->sample.n_user);
}

static inline bool jit_frame_is(const struct abi_frame *frame, const struct abi_object_ref *refs)
{
	return refs[frame->object].kind == ABI_OBJECT_ANON;
}

/* jit.c: the first that waits leaves, the caller's to free. */
struct jit_held *jit_held_take(struct jit *j, struct jit_process *p);
/* All that waits goes on, without names. */
void jit_release_process(struct jit *j, struct jit_process *p, struct profile *live);
void jit_process_remove(struct jit *j, uint32_t at);

/* jit_names.c: what an address is called in this generation; NULL: no sample met it. */
struct jit_address *jit_address_find(const struct jit_process *p, uint64_t address);
/* What an answer says of question i; NULL: nothing. */
const struct jit_place *jit_place_of(const struct resolve_jit_names *names, uint32_t i);
/* Of name and line, for an address has one of both in a generation; NULL: JIT_NAMELESS. */
uint64_t jit_place_hash(const struct jit_place *place);
/* Name a location of the object of p's generation, in the live profile. */
void jit_name_location(struct jit *j, const struct jit_process *p, struct jit_address *a,
		       const struct jit_place *place, struct profile *live);
/*
 * Give a sample on whose JIT frames are the questions from that one on; names NULL: nobody was
 * asked. Two names for one address end the generation; a sample that may not begin one is of code
 * that stays unnamed.
 */
void jit_give(struct jit *j, struct jit_process *p, const struct jit_held *h,
	      const struct resolve_jit_names *names, uint32_t question, struct profile *live);
