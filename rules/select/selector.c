// SPDX-License-Identifier: BSD-2-Clause
// Selectors as objects: made from their kind, shown, given back.
#include "rules/select/selector.h"

#include "dnsproxy/base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
selector_free(struct object *o)
{
  struct selector *s = (struct selector *)(void *)o;
  assert(s->rules == NULL);
  if (s->kind->fini != NULL)
    s->kind->fini(s);
  free(s);
}

const struct object_class selector_class = {.name = "DNSRule", .free = selector_free};

struct selector *
selector_new(const struct selector_kind *kind, const struct value *args, struct fault *f)
{
  struct selector *s = memory_new(kind->size);
  object_init(&s->object, &selector_class);
  s->kind = kind;
  if (kind->init != NULL && !kind->init(s, args, f)) {
    free(s); // init() has left nothing behind
    return NULL;
  }
  return s;
}

void
selector_show(const struct selector *s, struct text *out)
{
  if (s->kind->show != NULL)
    s->kind->show(s, out);
  else
    text_puts(out, s->kind->text);
}

enum effect
selector_effect(const struct selector *s)
{
  const struct selector_kind *kind = s->kind;
  enum effect strongest = kind->effect;
  if (kind->key == KEY_NOT)
    return selector_effect(kind->key_value(s));
  if (kind->key != KEY_AND && kind->key != KEY_OR)
    return strongest;
  const struct selector_list *parts = kind->key_value(s);
  for (size_t i = 0; i < parts->count; i++) {
    enum effect e = selector_effect(parts->items[i]);
    strongest = e > strongest ? e : strongest;
  }
  return strongest;
}

void
selector_see(const struct selector *s, const struct query *q, struct text *out)
{
  const struct selector_kind *kind = s->kind;
  if (kind->key == KEY_NOT) {
    selector_see(kind->key_value(s), q, out);
  } else if (kind->key == KEY_AND || kind->key == KEY_OR) {
    const struct selector_list *parts = kind->key_value(s);
    for (size_t i = 0; i < parts->count; i++)
      selector_see(parts->items[i], q, out);
  } else if (kind->see != NULL) {
    text_puts(out, out->size > 0 ? "; " : "");
    kind->see(s, q, out);
  }
}

const struct selector_kind *
selector_kind_find(const char *name)
{
  for (const struct selector_kind *const *kind = selector_kinds; *kind != NULL; kind++)
    if (strcmp((*kind)->name, name) == 0)
      return *kind;
  return NULL;
}
