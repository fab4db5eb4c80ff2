// SPDX-License-Identifier: BSD-2-Clause
// Deferred reclamation: memory that workers read without locks is freed once every one of them has passed a batch
// boundary or sleeps since it was unlinked.
//
//   writer: unlink x; stamp = epoch_stamp()  ...  epoch_passed(stamp)? --> free x
//   reader: epoch_enter() | a batch: may look at x | epoch_enter() | a batch: cannot find x | epoch_leave(), sleeps
//
// One process-wide set of readers (workers, at most EPOCH_READERS). A reader is either asleep or in the epoch that was
// current when it last called epoch_enter(). A stamp advances the epoch; it has passed when no reader is in an epoch from
// before it. What a reader keeps over a batch boundary must be counted instead (base/object): the epoch does not protect it.
//
// The packet cache lives by this: a lookup costs no lock and no count, and entries that were replaced are used again a batch
// later. Retiring: any thread. The trick without fences is told in epoch.c.
#ifndef DNSPROXY_BASE_EPOCH_H
#define DNSPROXY_BASE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

enum { EPOCH_READERS = 256 };

// A reader, by its number (a worker's id; the last is for visitors). Cheap: one store each.
void epoch_enter(unsigned reader); // before reading shared structures; again at each batch boundary
void epoch_leave(unsigned reader); // before sleeping

// For who is no worker and looks at shared structures now and then, on any thread: they take turns. May be nested.
void epoch_visit(void);
void epoch_visit_end(void);

// Stamp for something just unlinked; and whether everybody has moved on since then.
uint64_t epoch_stamp(void);            // advances the global epoch
bool epoch_passed(uint64_t stamp);     // true: no reader can still see what was unlinked before epoch_stamp()

#endif
