// SPDX-License-Identifier: BSD-2-Clause
// Regular expressions over names.
#include "rules/select/pattern.h"

#include "dnsproxy/base/memory.h"
#include "dnsproxy/base/text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// Steps of a match, and KiB of heap: a name has at most a kilobyte of text, and no sane expression needs more.
enum { MATCH_LIMIT = 20000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KB = 1024, BLOCK_PAIRS = 1 };

struct pattern {
  pcre2_code *code;
};

// What a thread matches with; the patterns themselves are shared.
struct scratch {
  pcre2_match_context *context;
  pcre2_match_data *data;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void
pattern_scratch_free(void *arg)
{
  struct scratch *s = arg;
  pcre2_match_data_free(s->data);
  pcre2_match_context_free(s->context);
  free(s);
}

static void
pattern_scratch_open(void)
{
  if (pthread_key_create(&scratch_key, pattern_scratch_free) != 0)
    memory_exhausted();
}

static struct scratch *
pattern_scratch_get(void)
{
  pthread_once(&scratch_once, pattern_scratch_open);
  struct scratch *s = pthread_getspecific(scratch_key);
  if (s != NULL)
    return s;
  s = memory_new(sizeof *s);
  s->context = pcre2_match_context_create(NULL);
  s->data = pcre2_match_data_create(BLOCK_PAIRS, NULL);
  if (s->context == NULL || s->data == NULL)
    memory_exhausted();
  pcre2_set_match_limit(s->context, MATCH_LIMIT);
  pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
  pthread_setspecific(scratch_key, s);
  return s;
}

// Where POSIX extended expressions mean something else: in brackets a backslash is itself, and {,n} is {0,n}.
static void
pattern_from_posix(const char *at, const char *end, struct text *out)
{
  bool in_brackets = false;
  for (; at < end; at++) {
    if (in_brackets && *at == '[' && at + 1 < end && strchr(":.=", at[1]) != NULL) {
      const char *close = at + 2;
      while (close + 1 < end && !(close[0] == at[1] && close[1] == ']'))
        close++;
      text_add(out, at, (size_t)(close - at));
      at = close - 1;
    } else if (in_brackets) {
      text_puts(out, *at == '\\' ? "\\" : "");
      text_add(out, at, 1);
      in_brackets = *at != ']';
    } else if (*at == '\\' && at + 1 < end) {
      text_add(out, at++, 2);
    } else if (*at == '[') {
      // A ']' that comes first, or behind '^', is one of the characters.
      size_t opening = 1;
      if (at + opening < end && at[opening] == '^')
        opening++;
      if (at + opening < end && at[opening] == ']')
        opening++;
      text_add(out, at, opening);
      at += opening - 1;
      in_brackets = true;
    } else {
      text_add(out, at, 1);
      if (*at == '{' && at + 1 < end && at[1] == ',')
        text_puts(out, "0");
    }
  }
}

static pcre2_code *
pattern_compile(const char *expression, size_t size, enum pattern_style style, struct fault *f)
{
  uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
  if (style == PATTERN_SEARCH)
    options |= PCRE2_CASELESS;
  else if (style == PATTERN_FULL)
    options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
  struct text text;
  text_init(&text);
  if (style == PATTERN_SEARCH)
    pattern_from_posix(expression, expression + size, &text);
  else
    text_add(&text, expression, size);
  int error;
  PCRE2_SIZE where;
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.data, text.size, options, &error, &where, NULL);
  text_fini(&text);
  if (code == NULL) {
    PCRE2_UCHAR words[200];
    pcre2_get_error_message(error, words, sizeof words);
    fault_set(f, FAULT_CAUGHT, "%s", (const char *)words);
  }
  return code;
}

struct pattern *
pattern_new(const char *expression, size_t size, enum pattern_style style, struct fault *f)
{
  pcre2_code *code = pattern_compile(expression, size, style, f);
  if (code == NULL)
    return NULL;
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); // where the system forbids it, the interpreter does the same
  struct pattern *p = memory_new(sizeof *p);
  p->code = code;
  return p;
}

void
pattern_free(struct pattern **slot)
{
  struct pattern *p = *slot;
  if (p == NULL)
    return;
  *slot = NULL;
  pcre2_code_free(p->code);
  free(p);
}

bool
pattern_match(const struct pattern *p, const char *text, size_t size)
{
  struct scratch *s = pattern_scratch_get();
  return pcre2_match(p->code, (PCRE2_SPTR)text, size, 0, 0, s->data, s->context) >= 0;
}

bool
pattern_match_name(const struct pattern *p, const struct name *name)
{
  char text[NAME_TEXT_SIZE];
  name_text_no_dot(name, text);
  return pattern_match(p, text, strlen(text));
}
