// SPDX-License-Identifier: BSD-2-Clause
// UUIDs (RFC 9562) as values. Any thread.
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
