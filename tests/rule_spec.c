// SPDX-License-Identifier: BSD-2-Clause
// Rules from text, for test tables.
#include "tests/rule_spec.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/netmask.h"
#include "dnsproxy/wire/codes.h"
#include "dnsproxy/wire/name_set.h"
#include "rules/select/waiting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 16, PIECES_MAX = 32 };

// What one call of init() borrows, freed behind it.
struct scratch {
  void *memory[256];
  void *objects[64];
  size_t memory_count, object_count;
};

static void *
kept(struct scratch *s, void *memory)
{
  assert(s->memory_count < sizeof s->memory / sizeof s->memory[0]);
  s->memory[s->memory_count++] = memory;
  return memory;
}

static void *
kept_object(struct scratch *s, void *object)
{
  assert(object != NULL && s->object_count < sizeof s->objects / sizeof s->objects[0]);
  s->objects[s->object_count++] = object;
  return object;
}

static void
scratch_fini(struct scratch *s)
{
  for (size_t i = 0; i < s->object_count; i++)
    object_unref(&s->objects[i]);
  for (size_t i = 0; i < s->memory_count; i++)
    free(s->memory[i]);
}

// Cuts the text at separators outside brackets; "" has no pieces.
static size_t
cut(struct scratch *s, const char *text, size_t size, char separator, char **pieces)
{
  size_t count = 0, start = 0;
  int depth = 0;
  if (size == 0)
    return 0;
  for (size_t i = 0; i <= size; i++) {
    if (i < size && (text[i] == '(' || text[i] == '{'))
      depth++;
    else if (i < size && (text[i] == ')' || text[i] == '}'))
      depth--;
    else if (i == size || (text[i] == separator && depth == 0)) {
      assert(count < PIECES_MAX);
      pieces[count++] = kept(s, memory_copy(text + start, i - start));
      start = i + 1;
    }
  }
  assert(depth == 0);
  return count;
}

static struct bytes
string_of(struct scratch *s, const char *text)
{
  char *out = kept(s, memory_new(strlen(text) + 1));
  size_t size = 0;
  for (; *text != '\0'; text++)
    if (*text == '%') {
      char digits[3] = {text[1], text[2], '\0'};
      out[size++] = (char)strtoul(digits, NULL, 16);
      text += 2;
    } else {
      out[size++] = *text;
    }
  return (struct bytes){.data = out, .size = size};
}

static struct name *
name_of(struct scratch *s, const char *text)
{
  struct name *name = kept(s, memory_new(sizeof *name));
  bool good = name_from_text(name, text, strlen(text), NULL);
  assert(good);
  return name;
}

static void
add_item(struct scratch *s, const struct param *row, struct value *v, size_t i, const char *text)
{
  struct netmask mask;
  switch (row->type) {
  case PARAM_STRINGS:
  case PARAM_STRING_MAP: // key,value,key,value
    v->list.strings[i] = string_of(s, text);
    break;
  case PARAM_INTS:
    v->list.integers[i] = strtoll(text, NULL, 10);
    break;
  case PARAM_SELECTORS:
    v->list.objects[i] = kept_object(s, spec_selector(text, NULL));
    break;
  case PARAM_NETMASKS:
    if (!netmask_parse(&mask, text, NULL))
      abort();
    netmask_set_add(v->object, &mask);
    break;
  case PARAM_SUFFIXES:
    suffix_set_add(v->object, name_of(s, text));
    break;
  case PARAM_OBJECT:
    name_set_add(v->object, name_of(s, text));
    break;
  default:
    abort();
  }
}

static void
read_list(struct scratch *s, const struct param *row, const char *text, struct value *v)
{
  char *pieces[PIECES_MAX];
  size_t count = cut(s, text, strlen(text), ',', pieces);
  if (row->type == PARAM_OBJECTS) {
    assert(count == 0); // tests of such kinds make their objects themselves
    v->list.objects = kept(s, memory_array(1, sizeof(void *)));
  } else if (row->type == PARAM_STRINGS || row->type == PARAM_STRING_MAP || row->type == PARAM_INTS || row->type == PARAM_SELECTORS) {
    v->list.count = count;
    v->list.strings = row->type == PARAM_STRINGS || row->type == PARAM_STRING_MAP ? kept(s, memory_array(count + 1, sizeof(struct bytes))) : NULL;
    v->list.integers = row->type == PARAM_INTS ? kept(s, memory_array(count + 1, sizeof(int64_t))) : NULL;
    v->list.objects = row->type == PARAM_SELECTORS ? kept(s, memory_array(count + 1, sizeof(void *))) : NULL;
  } else if (row->type == PARAM_NETMASKS) {
    v->object = kept_object(s, netmask_set_new());
  } else {
    v->object = kept_object(s, row->type == PARAM_SUFFIXES ? (void *)suffix_set_new() : (void *)name_set_new());
  }
  for (size_t i = 0; i < count; i++)
    add_item(s, row, v, i, pieces[i]);
}

// An object of a part that does not exist, from its description.
static void *
described(struct scratch *s, const struct param *row, const char *text)
{
  struct described *d = described_new(row->class, memory_string(text));
  d->frames = strncmp(text, "FrameStream", 11) == 0;
  return kept_object(s, d);
}

static void read_value(struct scratch *, const struct param *, const char *text, struct value *);

// {key=value,key=value}
static void
read_options(struct scratch *s, const struct param *row, const char *text, struct value *v)
{
  char *pieces[PIECES_MAX];
  size_t size = strlen(text);
  assert(text[0] == '{' && text[size - 1] == '}');
  size_t count = cut(s, text + 1, size - 2, ',', pieces);
  struct value *values = kept(s, memory_array(ROWS_MAX, sizeof *values));
  v->options = values;
  for (size_t i = 0; row->options[i].type != PARAM_END; i++) {
    size_t key_size = strlen(row->options[i].name);
    const char *found = NULL;
    for (size_t j = 0; j < count; j++)
      if (strncmp(pieces[j], row->options[i].name, key_size) == 0 && pieces[j][key_size] == '=')
        found = pieces[j] + key_size + 1;
    values[i] = (struct value){.given = found != NULL};
    if (found != NULL || row->options[i].fallback != NULL)
      read_value(s, &row->options[i], found != NULL ? found : row->options[i].fallback, &values[i]);
  }
}

static void
read_value(struct scratch *s, const struct param *row, const char *text, struct value *v)
{
  uint16_t type;
  switch (row->type) {
  case PARAM_BOOL:
    v->boolean = strcmp(text, "true") == 0;
    break;
  case PARAM_INT:
    v->integer = strtoll(text, NULL, 10);
    break;
  case PARAM_FLOAT:
    v->number = strtod(text, NULL);
    break;
  case PARAM_QTYPE:
    if (!qtype_parse(text, &type))
      abort();
    v->integer = type;
    break;
  case PARAM_STRING:
    v->string = string_of(s, text);
    break;
  case PARAM_NAME:
    v->object = name_of(s, text);
    break;
  case PARAM_SELECTOR:
    v->object = kept_object(s, spec_selector(text, NULL));
    break;
  case PARAM_ACTION:
    v->object = kept_object(s, spec_action(text, NULL));
    break;
  case PARAM_OPTIONS:
    read_options(s, row, text, v);
    break;
  case PARAM_OBJECT:
    if (row->class != NULL && row->class->free == described_free) {
      v->object = described(s, row, text);
      break;
    }
    read_list(s, row, text, v);
    break;
  default:
    read_list(s, row, text, v);
  }
}

// "Name(arguments)": the name goes into `name`, the arguments, by the rows that find() gives, into values.
struct call {
  char name[64];
  struct value values[ROWS_MAX];
  struct scratch scratch;
  char *arguments[PIECES_MAX];
  size_t count;
};

static void
call_init(struct call *c, const char *spec)
{
  memset(c, 0, sizeof *c);
  const char *open = strchr(spec, '(');
  size_t size = strlen(spec);
  assert(open != NULL && spec[size - 1] == ')' && (size_t)(open - spec) < sizeof c->name);
  memcpy(c->name, spec, (size_t)(open - spec));
  c->count = cut(&c->scratch, open + 1, (size_t)(spec + size - 1 - (open + 1)), '|', c->arguments);
}

static const struct value *
call_read(struct call *c, const struct param *rows)
{
  size_t i = 0;
  for (; rows != NULL && rows[i].type != PARAM_END; i++) {
    const char *text = i < c->count && (c->arguments[i][0] != '\0' || !rows[i].optional) ? c->arguments[i] : NULL;
    c->values[i].given = text != NULL;
    if (text == NULL)
      text = rows[i].optional ? rows[i].fallback : "";
    if (text != NULL)
      read_value(&c->scratch, &rows[i], text, &c->values[i]);
  }
  assert(c->count <= i);
  return c->values;
}

struct selector *
spec_selector(const char *spec, struct fault *f)
{
  struct call *c = memory_new(sizeof *c);
  call_init(c, spec);
  const struct selector_kind *kind = selector_kind_find(c->name);
  assert(kind != NULL);
  struct selector *s = selector_new(kind, call_read(c, kind->params), f);
  scratch_fini(&c->scratch);
  free(c);
  return s;
}

struct action *
spec_action(const char *spec, struct fault *f)
{
  struct call *c = memory_new(sizeof *c);
  call_init(c, spec);
  const struct action_kind *kind = action_kind_find(c->name);
  assert(kind != NULL);
  struct action *a = action_new(kind, call_read(c, kind->params), f);
  scratch_fini(&c->scratch);
  free(c);
  return a;
}
