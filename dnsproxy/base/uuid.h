// SPDX-License-Identifier: BSD-2-Clause
// UUIDs (RFC 9562) as values: the identity of rules and backends across configurations.
//
// A rule or backend gets one of its own when none is given (version 4, random), and keeps it for life; scripts and the
// console name things by it where a position would move. Points of consistent hashing are made of a backend's UUID, which is
// why those who want the same points on several machines give it.
//
// Sixteen bytes; compared as bytes, printed in lower case, read in the one form with dashes. A value; any thread.
#ifndef DNSPROXY_BASE_UUID_H
#define DNSPROXY_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

struct uuid {
  uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 };

void uuid_random(struct uuid *); // version 4
bool uuid_parse(struct uuid *, const char *text); // false unless text has the form of a UUID
char *uuid_text(const struct uuid *, char *out);  // lower case; returns out, UUID_TEXT_SIZE bytes
bool uuid_equal(const struct uuid *, const struct uuid *);

#endif
