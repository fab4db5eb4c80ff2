// SPDX-License-Identifier: BSD-2-Clause
// Images, and writing values into them as bytes. Tables and functions are numbered in the order they are met, so that
// whatever meets them again refers to them.
#include "lua/scripts/image_private.h"

#include "dnsproxy/base/memory.h"
#include "lua/scripts/bytecode.h"
#include "lua/binder/handles.h"
#include "lua/binder/library.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

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
put(struct writer *w, const void *bytes, size_t size)
{
  text_add(w->out, bytes, size);
}

static void
put_tag(struct writer *w, enum tag tag)
{
  char c = (char)tag;
  put(w, &c, 1);
}

static void
put_size(struct writer *w, size_t size)
{
  put(w, &size, sizeof size);
}

static void
put_bytes(struct writer *w, const void *bytes, size_t size)
{
  put_size(w, size);
  put(w, bytes, size);
}

static bool
put_again(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  lua_pushvalue(lua, index);
  lua_rawget(lua, w->seen);
  int number = (int)lua_tointeger(lua, -1);
  lua_pop(lua, 1);
  if (number > 0) {
    put_tag(w, TAG_AGAIN);
    put(w, &number, sizeof number);
    return true;
  }
  lua_pushvalue(lua, index);
  lua_pushinteger(lua, ++w->met);
  lua_rawset(lua, w->seen);
  return false;
}

static void write_value(struct writer *, int index);

static void
write_table(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  if (put_again(w, index))
    return;
  put_tag(w, TAG_TABLE);
  for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
    write_value(w, lua_gettop(lua) - 1);
    write_value(w, lua_gettop(lua));
  }
  put_tag(w, TAG_END);
}

static void
write_function(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  struct library_entry entry = library_find(lua, index);
  struct place place = {PLACE_VALUE, lua_topointer(lua, index)};
  bool loops = places_have(&w->loops, place);
  if (entry.kind != LIBRARY_UNKNOWN) {
    put_tag(w, TAG_LIBRARY);
    put_bytes(w, entry.path, strlen(entry.path));
    put(w, &entry.function, sizeof entry.function);
  } else if (lua_iscfunction(lua, index) || !places_have(&w->called, place)) {
    if (!put_again(w, index))
      put_tag(w, TAG_UNCALLED);
  } else if (!put_again(w, index)) {
    struct text dump;
    text_init(&dump);
    bytecode_dump(lua, index, &dump);
    put_tag(w, TAG_FUNCTION);
    put_bytes(w, dump.data, dump.size);
    text_fini(&dump);
    put(w, &loops, sizeof loops);
    for (int i = 1; lua_getupvalue(lua, index, i) != NULL; i++) {
      write_value(w, lua_gettop(lua));
      lua_pop(lua, 1);
    }
    put_tag(w, TAG_END);
  }
}

static void
write_handle(struct writer *w, int index)
{
  const struct handle *h = handle_test(w->lua, index);
  if (h == NULL) {
    put_tag(w, TAG_BARRED);
  } else if (h->class->object != NULL) {
    struct image *image = w->image;
    image->held = memory_resize(image->held, image->held_count + 1, sizeof *image->held);
    image->held[image->held_count++] = object_ref(h->object);
    put_tag(w, TAG_OBJECT);
    put(w, &h->object, sizeof h->object);
  } else {
    put_tag(w, TAG_VALUE);
    put(w, &h->class, sizeof h->class);
    put(w, &h->value, h->class->size);
  }
}

static void
write_value(struct writer *w, int index)
{
  lua_State *lua = w->lua;
  luaL_checkstack(lua, 8, "too deep");
  switch (lua_type(lua, index)) {
  case LUA_TNIL:
    put_tag(w, TAG_NIL);
    break;
  case LUA_TBOOLEAN:
    put_tag(w, lua_toboolean(lua, index) ? TAG_TRUE : TAG_FALSE);
    break;
  case LUA_TNUMBER: {
    double number = lua_tonumber(lua, index);
    put_tag(w, TAG_NUMBER);
    put(w, &number, sizeof number);
    break;
  }
  case LUA_TSTRING: {
    size_t size;
    const char *bytes = lua_tolstring(lua, index, &size);
    put_tag(w, TAG_STRING);
    put_bytes(w, bytes, size);
    break;
  }
  case LUA_TTABLE:
    if (library_find(lua, index).kind == LIBRARY_TABLE) {
      struct library_entry entry = library_find(lua, index);
      put_tag(w, TAG_LIBRARY);
      put_bytes(w, entry.path, strlen(entry.path));
      put(w, &entry.function, sizeof entry.function);
    } else {
      write_table(w, index);
    }
    break;
  case LUA_TFUNCTION:
    write_function(w, index);
    break;
  case LUA_TUSERDATA:
  case LUA_TCDATA:
    write_handle(w, index);
    break;
  default:
    put_tag(w, TAG_BARRED);
  }
}

// lua_cpcall() form: the globals by name, then the functions in their order.
static int
write_all(lua_State *lua)
{
  struct writer *w = lua_touserdata(lua, 1);
  lua_newtable(lua);
  w->seen = lua_gettop(lua);
  for (size_t i = 0; i < w->count; i++)
    for (size_t g = 0; g < w->parts[i].purity->globals.count; g++) {
      const char *name = w->parts[i].purity->globals.items[g].id;
      put_tag(w, TAG_STRING);
      put_bytes(w, name, strlen(name));
      lua_pushstring(lua, name);
      lua_rawget(lua, LUA_GLOBALSINDEX);
      write_value(w, lua_gettop(lua));
      lua_pop(lua, 1);
    }
  put_tag(w, TAG_END);
  for (size_t i = 0; i < w->count; i++) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, w->parts[i].reference);
    write_value(w, lua_gettop(lua));
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
  int status = lua_cpcall(lua, write_all, &w);
  places_fini(&w.called);
  places_fini(&w.loops);
  if (status == 0)
    return image;
  lua_pop(lua, 1);
  object_unref(&image);
  return NULL;
}
