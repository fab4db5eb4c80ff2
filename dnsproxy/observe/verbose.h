// SPDX-License-Identifier: BSD-2-Clause
// What verbose mode tells of each query: whom it was sent to, what answered it, why it was dropped. Workers.
#ifndef DNSPROXY_OBSERVE_VERBOSE_H
#define DNSPROXY_OBSERVE_VERBOSE_H

#include "dnsproxy/core/observer.h"

extern const struct observer verbose_observer; // on in verbose mode
void verbose_refused_stream(const struct address *peer); // by the ACL: no query has come yet

#endif
