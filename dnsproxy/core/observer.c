// SPDX-License-Identifier: BSD-2-Clause
// Which observers are on, by event.
#include "dnsproxy/core/observer.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
observer_observers_free(struct object *object)
{
  free(object);
}
static const struct object_class observers_class = {.name = "observers", .free = observer_observers_free};

static void
observer_observers_add(struct observers *o, const struct observer *observer)
{
  for (unsigned e = 0; e < EVENT_COUNT; e++)
    if (observer->told[e] != NULL) {
      assert(o->count[e] < OBSERVERS_MAX);
      o->told[e][o->count[e]++] = (struct told){.function = observer->told[e], .observer = observer};
    }
}

struct observers *
observers_build(const struct observer *const *all, size_t count, struct observers *last)
{
  struct observers *o = memory_new(sizeof *o);
  object_init(&o->object, &observers_class);
  for (size_t i = 0; i < count; i++)
    if (all[i]->is_on == NULL || all[i]->is_on(all[i]))
      observer_observers_add(o, all[i]);
  if (last != NULL && memcmp(o->count, last->count, sizeof o->count) == 0 && memcmp(o->told, last->told, sizeof o->told) == 0) {
    object_unref(&o);
    return object_ref(last);
  }
  return o;
}
