// SPDX-License-Identifier: BSD-2-Clause
// A set of client addresses, each for some time: what TimedIPSetRule() gives to a script.
//
//   script: set:add(address, seconds), :clear(), :cleanup()    set:slice() --> a selector that sees what is added later
//
// The selector holds the set itself, not a copy: the one kind of set for which a rule sees later edits, as in the dialect. A
// longer stay that an address has already is kept. One whose time is over does not match, and goes when cleanup() is called
// or its place is needed.
//
// A counted object, changed by scripts (control) while workers look into it under a read lock. Ports do not count.
#ifndef RULES_SELECT_TIMED_IP_SET_H
#define RULES_SELECT_TIMED_IP_SET_H

#include "rules/select/selector.h"

struct timed_ip_set;
extern const struct object_class timed_ip_set_class; // "TimedIPSetRule"
struct timed_ip_set *timed_ip_set_new(void);
// For so many seconds from now; a longer stay that it has already is kept.
void timed_ip_set_add(struct timed_ip_set *, const struct address *, uint32_t seconds, uint64_t now_us);
void timed_ip_set_clear(struct timed_ip_set *);
void timed_ip_set_cleanup(struct timed_ip_set *, uint64_t now_us); // drops what has expired
size_t timed_ip_set_count(struct timed_ip_set *, uint64_t now_us); // of what has not
bool timed_ip_set_has(struct timed_ip_set *, const struct address *, uint64_t now_us);
// The selector that rules are made with: sees what is added later.
struct selector *timed_ip_set_slice(struct timed_ip_set *);

#endif
