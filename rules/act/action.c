// SPDX-License-Identifier: BSD-2-Clause
// Actions as objects: made from their kind, shown, given back.
#include "rules/act/action.h"

#include "dnsproxy/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void
action_free(struct object *o)
{
  struct action *a = (struct action *)(void *)o;
  if (a->kind->fini != NULL)
    a->kind->fini(a);
  free(a);
}

const struct object_class query_action_class = {.name = "DNSAction", .free = action_free};
const struct object_class response_action_class = {.name = "DNSResponseAction", .free = action_free};

struct action *
action_new(const struct action_kind *kind, const struct value *args, struct fault *f)
{
  struct action *a = memory_new(kind->size);
  object_init(&a->object, kind->side == SIDE_QUERY ? &query_action_class : &response_action_class);
  a->kind = kind;
  if (kind->init != NULL && !kind->init(a, args, f)) {
    free(a); // init() has left nothing behind
    return NULL;
  }
  return a;
}

void
action_show(const struct action *a, struct text *out)
{
  if (a->kind->show != NULL)
    a->kind->show(a, out);
  else
    text_puts(out, a->kind->text);
}

const struct action_kind *
action_kind_find(const char *name)
{
  for (const struct action_kind *const *kind = action_kinds; *kind != NULL; kind++)
    if (strcmp((*kind)->name, name) == 0)
      return *kind;
  return NULL;
}

enum verdict
does_nothing(const struct action *a, struct query *q)
{
  (void)a;
  (void)q;
  return VERDICT_NEXT;
}
