// SPDX-License-Identifier: BSD-2-Clause
// What kinds that wait for a part of the program share.
#include "rules/select/waiting.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>

void
described_free(struct object *o)
{
  struct described *d = (struct described *)(void *)o;
  free(d->text);
  free(d);
}

const struct object_class key_value_store_class = {.name = "KeyValueStore", .free = described_free};
const struct object_class lookup_key_class = {.name = "KeyValueLookupKey", .free = described_free};
const struct object_class remote_logger_class = {.name = "RemoteLogger", .free = described_free};

struct described *
described_new(const struct object_class *class, char *text)
{
  struct described *d = memory_new(sizeof *d);
  object_init(&d->object, class);
  d->text = text;
  return d;
}

bool
never_matches(const struct selector *s, struct query *q)
{
  (void)s;
  (void)q;
  return false;
}
