// SPDX-License-Identifier: BSD-2-Clause
// Epoch-based reclamation without fences: every ordering comes from a read-modify-write of one word.
//
// Why a sleeper is asked with a read-modify-write: it may be just waking up. Either its exchange in epoch_enter()
// comes first, and the asker sees it in an epoch; or it comes second, and then it reads what the asker released,
// so that the reader sees everything that the asker unlinked.
#include "dnsproxy/base/epoch.h"

#include <pthread.h>
#include <assert.h>
#include <stdatomic.h>

enum { ASLEEP = 0, WORD = 64 };

struct slot {
  _Alignas(64) _Atomic uint64_t epoch; // ASLEEP, or the epoch the reader is in
  bool known;                          // its bit in `known` is set; only the reader looks
};

static struct slot slots[EPOCH_READERS];
static _Atomic uint64_t known[EPOCH_READERS / WORD]; // readers that ever entered
static _Alignas(64) _Atomic uint64_t current = 1;
static _Alignas(64) _Atomic uint64_t passed; // every stamp up to here has passed

static void
epoch_make_known(unsigned reader)
{
  slots[reader].known = true;
  atomic_fetch_or_explicit(&known[reader / WORD], 1ull << reader % WORD, memory_order_acq_rel);
}

void
epoch_enter(unsigned reader)
{
  assert(reader < EPOCH_READERS);
  struct slot *s = &slots[reader];
  uint64_t now = atomic_load_explicit(&current, memory_order_acquire);
  uint64_t was = atomic_load_explicit(&s->epoch, memory_order_relaxed);
  if (was == now)
    return;
  if (was != ASLEEP) { // awake all the time: nobody can have taken it for a sleeper
    atomic_store_explicit(&s->epoch, now, memory_order_release);
    return;
  }
  if (!s->known)
    epoch_make_known(reader);
  atomic_exchange_explicit(&s->epoch, now, memory_order_acq_rel);
}

void
epoch_leave(unsigned reader)
{
  assert(reader < EPOCH_READERS);
  atomic_store_explicit(&slots[reader].epoch, ASLEEP, memory_order_release);
}

uint64_t
epoch_stamp(void)
{
  return atomic_fetch_add_explicit(&current, 1, memory_order_acq_rel) + 1;
}

// The epoch of a reader, or `now` if it sleeps.
static uint64_t
epoch_reader_epoch(struct slot *s, uint64_t now)
{
  uint64_t epoch = atomic_load_explicit(&s->epoch, memory_order_acquire);
  if (epoch == ASLEEP)
    epoch = atomic_fetch_add_explicit(&s->epoch, 0, memory_order_acq_rel);
  return epoch == ASLEEP ? now : epoch;
}

// The oldest epoch that a reader is in.
static uint64_t
epoch_oldest_epoch(void)
{
  uint64_t oldest = atomic_load_explicit(&current, memory_order_acquire), now = oldest;
  for (unsigned word = 0; word < EPOCH_READERS / WORD; word++) {
    uint64_t bits = atomic_fetch_add_explicit(&known[word], 0, memory_order_acq_rel);
    for (; bits != 0; bits &= bits - 1) {
      uint64_t epoch = epoch_reader_epoch(&slots[word * WORD + (unsigned)__builtin_ctzll(bits)], now);
      if (epoch < oldest)
        oldest = epoch;
    }
  }
  return oldest;
}

bool
epoch_passed(uint64_t stamp)
{
  uint64_t old = atomic_load_explicit(&passed, memory_order_acquire);
  if (stamp <= old)
    return true;
  uint64_t oldest = epoch_oldest_epoch();
  while (old < oldest &&
         !atomic_compare_exchange_weak_explicit(&passed, &old, oldest, memory_order_acq_rel, memory_order_acquire))
    ;
  return stamp <= oldest;
}

// ---- visitors ----

static pthread_mutex_t epoch_turn;
static pthread_once_t epoch_once = PTHREAD_ONCE_INIT;
static unsigned epoch_visits; // of the one whose turn it is

static void
epoch_make_turn(void)
{
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&epoch_turn, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

void
epoch_visit(void)
{
  pthread_once(&epoch_once, epoch_make_turn);
  pthread_mutex_lock(&epoch_turn);
  if (epoch_visits++ == 0)
    epoch_enter(EPOCH_READERS - 1);
}

void
epoch_visit_end(void)
{
  if (--epoch_visits == 0)
    epoch_leave(EPOCH_READERS - 1);
  pthread_mutex_unlock(&epoch_turn);
}
