// SPDX-License-Identifier: BSD-2-Clause
// Images: functions and all that they reach, as bytes.
//
// An image is written once, in the shared state, and read by every thread that calls one of its functions. It is a string
// of tagged values: first the globals that the functions look up, by name, then the functions in their order. Tables and
// functions are numbered in the order they are met, so that whatever meets them again refers to them, and two images are
// made into the same values exactly if their bytes are the same. A handle of an object that threads may share is written
// as the object, with a reference held by the image; a function of a library as its path, found again in the other state;
// a function that no copy calls, as a mark. What was written was found free of everything else (purity.h).
//
// Life: image_new() under the Lua lock; counted; image_load() on the thread of the other state, which keeps a reference as
// long as it uses what was made.
#include "lua/scripts/image.h"

#include "dnsproxy/base/memory.h"
#include "lua/binder/handles.h"
#include "lua/binder/library.h"
#include "lua/scripts/bytecode.h"

#include <assert.h>
#include <lauxlib.h>
#include <luajit.h>
#include <stdlib.h>
#include <string.h>

struct image {
  struct object object;
  struct text bytes;
  void **held; // objects of handles: one reference each
  size_t held_count;
  const void **scripts; // by position - 1
  size_t count;
};

enum tag {
  TAG_NIL = 'n',
  TAG_TRUE = 't',
  TAG_FALSE = 'f',
  TAG_NUMBER = 'd',
  TAG_STRING = 's',
  TAG_AGAIN = 'r',    // number of what was met before
  TAG_TABLE = 'T',    // pairs of values, closed by TAG_END
  TAG_END = 'e',
  TAG_FUNCTION = 'F', // dump, upvalues
  TAG_LIBRARY = 'L',  // path, declaration
  TAG_OBJECT = 'O',   // class, object
  TAG_VALUE = 'V',    // class, bytes
  TAG_UNCALLED = 'B', // a function that no copy calls, though it may be compared
  TAG_BARRED = 'X',   // what no copy looks at
};

// ---- life ----

static void
image_free(struct object *object)
{
  struct image *image = (struct image *)(void *)object;
  for (size_t i = 0; i < image->held_count; i++)
    object_unref(&image->held[i]);
  free(image->held);
  free(image->scripts);
  text_fini(&image->bytes);
  free(image);
}

const struct object_class image_class = {.name = "image", .free = image_free};

bool
image_same(const struct image *a, const struct image *b)
{
  return a->count == b->count && a->bytes.size == b->bytes.size && memcmp(a->bytes.data, b->bytes.data, a->bytes.size) == 0 &&
         (a->count == 0 || memcmp(a->scripts, b->scripts, a->count * sizeof *a->scripts) == 0);
}

size_t
image_count(const struct image *image)
{
  return image->count;
}

int
image_position(const struct image *image, const void *script, int guess)
{
  if (guess > 0 && (size_t)guess <= image->count && image->scripts[guess - 1] == script)
    return guess;
  for (size_t i = 0; i < image->count; i++)
    if (image->scripts[i] == script)
      return (int)i + 1;
  return 0;
}

// ---- writing ----

struct writer {
  lua_State *lua;
  struct image *image;
  struct text *out;
  const struct image_part *parts;
  size_t count;
  struct places called, loops; // functions of all parts: that can be called, that have loops without a bound
  int seen; // stack index: value -> number
  int met;
};

static void
image_put(struct writer *w, const void *bytes, size_t size)
{
  text_add(w->out, bytes, size);
}

static void
image_put_tag(struct writer *w, enum tag tag)
{
  char c = (char)tag;
  image_put(w, &c, 1);
}

static void
image_put_size(struct writer *w, size_t size)
{
  image_put(w, &size, sizeof size);
}

static void
image_put_bytes(struct writer *w, const void *bytes, size_t size)
{
  image_put_size(w, size);
  image_put(w, bytes, size);
}

static bool
image_put_again(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  lua_pushvalue(lua, index);
  lua_rawget(lua, w->seen);
  int number = (int)lua_tointeger(lua, -1);
  lua_pop(lua, 1);
  if (number > 0) {
    image_put_tag(w, TAG_AGAIN);
    image_put(w, &number, sizeof number);
    return true;
  }
  lua_pushvalue(lua, index);
  lua_pushinteger(lua, ++w->met);
  lua_rawset(lua, w->seen);
  return false;
}

static void image_write_value(struct writer *, int index);

static void
image_write_table(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  if (image_put_again(w, index))
    return;
  image_put_tag(w, TAG_TABLE);
  for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
    image_write_value(w, lua_gettop(lua) - 1);
    image_write_value(w, lua_gettop(lua));
  }
  image_put_tag(w, TAG_END);
}

static void
image_write_function(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  struct library_entry entry = library_find(lua, index);
  struct place place = {PLACE_VALUE, lua_topointer(lua, index)};
  bool loops = places_have(&w->loops, place);
  if (entry.kind != LIBRARY_UNKNOWN) {
    image_put_tag(w, TAG_LIBRARY);
    image_put_bytes(w, entry.path, strlen(entry.path));
    image_put(w, &entry.function, sizeof entry.function);
  } else if (lua_iscfunction(lua, index) || !places_have(&w->called, place)) {
    if (!image_put_again(w, index))
      image_put_tag(w, TAG_UNCALLED);
  } else if (!image_put_again(w, index)) {
    struct text dump;
    text_init(&dump);
    bytecode_dump(lua, index, &dump);
    image_put_tag(w, TAG_FUNCTION);
    image_put_bytes(w, dump.data, dump.size);
    text_fini(&dump);
    image_put(w, &loops, sizeof loops);
    for (int i = 1; lua_getupvalue(lua, index, i) != NULL; i++) {
      image_write_value(w, lua_gettop(lua));
      lua_pop(lua, 1);
    }
    image_put_tag(w, TAG_END);
  }
}

static void
image_write_handle(struct writer *w, int index)
{
  const struct handle *h = handle_test(w->lua, index);
  if (h == NULL) {
    image_put_tag(w, TAG_BARRED);
  } else if (h->class->object != NULL) {
    struct image *image = w->image;
    image->held = memory_resize(image->held, image->held_count + 1, sizeof *image->held);
    image->held[image->held_count++] = object_ref(h->object);
    image_put_tag(w, TAG_OBJECT);
    image_put(w, &h->object, sizeof h->object);
  } else {
    image_put_tag(w, TAG_VALUE);
    image_put(w, &h->class, sizeof h->class);
    image_put(w, &h->value, h->class->size);
  }
}

static void
image_write_value(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  luaL_checkstack(lua, 8, "too deep");
  switch (lua_type(lua, index)) {
  case LUA_TNIL:
    image_put_tag(w, TAG_NIL);
    break;
  case LUA_TBOOLEAN:
    image_put_tag(w, lua_toboolean(lua, index) ? TAG_TRUE : TAG_FALSE);
    break;
  case LUA_TNUMBER: {
    double number = lua_tonumber(lua, index);
    image_put_tag(w, TAG_NUMBER);
    image_put(w, &number, sizeof number);
    break;
  }
  case LUA_TSTRING: {
    size_t size;
    const char *bytes = lua_tolstring(lua, index, &size);
    image_put_tag(w, TAG_STRING);
    image_put_bytes(w, bytes, size);
    break;
  }
  case LUA_TTABLE:
    if (library_find(lua, index).kind == LIBRARY_TABLE) {
      struct library_entry entry = library_find(lua, index);
      image_put_tag(w, TAG_LIBRARY);
      image_put_bytes(w, entry.path, strlen(entry.path));
      image_put(w, &entry.function, sizeof entry.function);
    } else {
      image_write_table(w, index);
    }
    break;
  case LUA_TFUNCTION:
    image_write_function(w, index);
    break;
  case LUA_TUSERDATA:
  case LUA_TCDATA:
    image_write_handle(w, index);
    break;
  default:
    image_put_tag(w, TAG_BARRED);
  }
}

// lua_cpcall() form: the globals by name, then the functions in their order.
static int
image_write_all(lua_State *lua)
{
  struct writer *w = lua_touserdata(lua, 1);
  lua_newtable(lua);
  w->seen = lua_gettop(lua);
  for (size_t i = 0; i < w->count; i++)
    for (size_t g = 0; g < w->parts[i].purity->globals.count; g++) {
      const char *name = w->parts[i].purity->globals.items[g].id;
      image_put_tag(w, TAG_STRING);
      image_put_bytes(w, name, strlen(name));
      lua_pushstring(lua, name);
      lua_rawget(lua, LUA_GLOBALSINDEX);
      image_write_value(w, lua_gettop(lua));
      lua_pop(lua, 1);
    }
  image_put_tag(w, TAG_END);
  for (size_t i = 0; i < w->count; i++) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, w->parts[i].reference);
    image_write_value(w, lua_gettop(lua));
    lua_pop(lua, 1);
  }
  return 0;
}

struct image *
image_new(lua_State *lua, const struct image_part *parts, size_t count)
{
  struct image *image = memory_new(sizeof *image);
  object_init(&image->object, &image_class);
  text_init(&image->bytes);
  image->count = count;
  image->scripts = memory_array(count + 1, sizeof *image->scripts);
  for (size_t i = 0; i < count; i++)
    image->scripts[i] = parts[i].script;
  struct writer w = {.lua = lua, .image = image, .out = &image->bytes, .parts = parts, .count = count};
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < parts[i].purity->functions.count; k++)
      places_add(&w.called, parts[i].purity->functions.items[k]);
    for (size_t k = 0; k < parts[i].purity->loops.count; k++)
      places_add(&w.loops, parts[i].purity->loops.items[k]);
  }
  int status = lua_cpcall(lua, image_write_all, &w);
  places_fini(&w.called);
  places_fini(&w.loops);
  if (status == 0)
    return image;
  lua_pop(lua, 1);
  object_unref(&image);
  return NULL;
}

// ---- reading ----

struct source {
  const char *at;
  int made;        // stack index: number -> value
  int met;
  int environment; // stack index
  const struct image *image;
};

static void
image_get(struct source *s, void *out, size_t size)
{
  memcpy(out, s->at, size);
  s->at += size;
}

static const char *
image_get_bytes(struct source *s, size_t *size)
{
  image_get(s, size, sizeof *size);
  const char *bytes = s->at;
  s->at += *size;
  return bytes;
}

static int
image_barred(lua_State *lua)
{
  return luaL_error(lua, "this function was not copied");
}

static void
image_keep(lua_State *lua, struct source *s)
{
  lua_pushvalue(lua, -1);
  lua_rawseti(lua, s->made, ++s->met);
}

static bool image_read_value(lua_State *, struct source *); // false: TAG_END

static void
image_read_function(lua_State *lua, struct source *s)
{
  size_t size;
  bool loops;
  const char *dump = image_get_bytes(s, &size);
  image_get(s, &loops, sizeof loops);
  if (luaL_loadbuffer(lua, dump, size, "copy") != 0)
    lua_error(lua);
  image_keep(lua, s);
  int function = lua_gettop(lua);
  lua_pushvalue(lua, s->environment);
  lua_setfenv(lua, function);
  if (loops) // a hook counts their instructions, and compiled code takes no hooks
    luaJIT_setmode(lua, function, LUAJIT_MODE_ALLFUNC | LUAJIT_MODE_OFF);
  for (int i = 1; image_read_value(lua, s); i++)
    lua_setupvalue(lua, function, i);
}

static void
image_read_library(lua_State *lua, struct source *s)
{
  size_t size;
  const char *path = image_get_bytes(s, &size);
  lua_pushlstring(lua, path, size);
  struct library_entry entry = {.path = lua_tostring(lua, -1)};
  image_get(s, &entry.function, sizeof entry.function);
  if (!library_push(lua, &entry))
    luaL_error(lua, "%s is not there", entry.path);
  lua_remove(lua, -2);
}

static void
image_read_table(lua_State *lua, struct source *s)
{
  lua_newtable(lua);
  image_keep(lua, s);
  while (image_read_value(lua, s)) {
    image_read_value(lua, s);
    lua_rawset(lua, -3);
  }
}

static bool
image_read_value(lua_State *lua, struct source *s)
{
  luaL_checkstack(lua, 8, "too deep");
  switch ((enum tag)*s->at++) {
  case TAG_NIL:
    lua_pushnil(lua);
    break;
  case TAG_TRUE:
  case TAG_FALSE:
    lua_pushboolean(lua, s->at[-1] == TAG_TRUE);
    break;
  case TAG_NUMBER: {
    double number;
    image_get(s, &number, sizeof number);
    lua_pushnumber(lua, number);
    break;
  }
  case TAG_STRING: {
    size_t size;
    const char *bytes = image_get_bytes(s, &size);
    lua_pushlstring(lua, bytes, size);
    break;
  }
  case TAG_AGAIN: {
    int number;
    image_get(s, &number, sizeof number);
    lua_rawgeti(lua, s->made, number);
    break;
  }
  case TAG_TABLE:
    image_read_table(lua, s);
    break;
  case TAG_END:
    return false;
  case TAG_FUNCTION:
    image_read_function(lua, s);
    break;
  case TAG_LIBRARY:
    image_read_library(lua, s);
    break;
  case TAG_OBJECT: {
    void *object;
    image_get(s, &object, sizeof object);
    binder_push_object(lua, object);
    break;
  }
  case TAG_VALUE: {
    const struct lua_class *class;
    image_get(s, &class, sizeof class);
    image_get(s, binder_push_value(lua, class), class->size);
    break;
  }
  case TAG_UNCALLED:
    lua_pushcfunction(lua, image_barred);
    image_keep(lua, s);
    break;
  case TAG_BARRED:
    lua_pushcfunction(lua, image_barred);
    break;
  default:
    assert(false);
  }
  return true;
}

// lua_cpcall() form cannot return: the table comes as upvalue, lua_pcall() form it is.
static int
image_read_all(lua_State *lua)
{
  struct source *s = lua_touserdata(lua, 1);
  lua_newtable(lua);
  s->made = lua_gettop(lua);
  lua_newtable(lua);
  s->environment = lua_gettop(lua);
  while (image_read_value(lua, s)) {
    image_read_value(lua, s);
    lua_rawset(lua, s->environment);
  }
  lua_newtable(lua);
  for (size_t i = 0; i < s->image->count; i++) {
    image_read_value(lua, s);
    lua_rawseti(lua, -2, (int)i + 1);
  }
  return 1;
}

bool
image_load(lua_State *lua, const struct image *image)
{
  struct source s = {.at = image->bytes.data, .image = image};
  lua_pushcfunction(lua, image_read_all);
  lua_pushlightuserdata(lua, &s);
  if (lua_pcall(lua, 1, 1, 0) == 0)
    return true;
  lua_pop(lua, 1);
  return false;
}
