// SPDX-License-Identifier: BSD-2-Clause
// What a state begins with: a table in the registry from each function or table to its path.
#include "lua/binder/library.h"

#include "lua/binder/classes.h"
#include "lua/binder/handles.h"

#include <assert.h>
#include <string.h>

static const char paths_key;    // registry: value -> path
static const char originals_key; // registry: library -> what it held at first

enum { LIBRARIES_MAX = 64 };
struct libraries {
  struct {
    const void *table;
    bool changed;
  } items[LIBRARIES_MAX];
  unsigned count;
  bool changed_everywhere;
};
static const char libraries_key; // registry: a userdatum

static const struct {
  enum library_kind kind;
  const char *names; // separated by spaces
} rows[] = {
    {LIBRARY_PURE, "assert error next print rawequal rawget select tonumber tostring type unpack getmetatable "
                   "string.byte string.char string.find string.format string.len string.lower string.match string.rep "
                   "string.reverse string.sub string.upper table.concat table.maxn table.getn os.time os.clock os.date "
                   "os.difftime os.getenv "
                   "math.abs math.acos math.asin math.atan math.atan2 math.ceil math.cos math.cosh math.deg math.exp "
                   "math.floor math.fmod math.frexp math.ldexp math.log math.log10 math.max math.min math.mod math.modf "
                   "math.pow math.rad math.random math.sin math.sinh math.sqrt math.tan math.tanh "
                   "bit.arshift bit.band bit.bnot bit.bor bit.bswap bit.bxor bit.lshift bit.rol bit.ror bit.rshift "
                   "bit.tobit bit.tohex"},
    {LIBRARY_ITERATES, "pairs ipairs string.gmatch string.gfind"},
    {LIBRARY_CALLS, "pcall xpcall string.gsub"},
    {LIBRARY_CHANGES, "table.insert table.remove table.sort"},
    {LIBRARY_OUTSIDE, "collectgarbage os.execute os.remove os.rename os.tmpname os.setlocale math.randomseed io.close io.flush "
                      "io.input io.lines io.open io.output io.popen io.read io.tmpfile io.type io.write"},
};

static enum library_kind
library_kind_of(const char *path)
{
  size_t size = strlen(path);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (const char *at = rows[i].names; *at != '\0';) {
      size_t width = strcspn(at, " ");
      if (width == size && memcmp(at, path, size) == 0)
        return rows[i].kind;
      at += width + (at[width] == ' ');
    }
  return LIBRARY_FORBIDDEN;
}

static struct libraries *
library_all(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&libraries_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  struct libraries *all = lua_touserdata(lua, -1);
  lua_pop(lua, 1);
  return all;
}

// paths[value at -1] = path, unless it has one.
static void
library_note(lua_State *lua, int paths, const char *path)
{
  lua_pushvalue(lua, -1);
  lua_rawget(lua, paths);
  bool known = !lua_isnil(lua, -1);
  lua_pop(lua, 1);
  if (known)
    return;
  lua_pushvalue(lua, -1);
  lua_pushstring(lua, path);
  lua_rawset(lua, paths);
}

static void
library_note_members(lua_State *lua, int paths, const char *name)
{
  int table = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, table) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) != LUA_TSTRING || !lua_isfunction(lua, -1))
      continue;
    lua_pushfstring(lua, "%s.%s", name, lua_tostring(lua, -2));
    lua_insert(lua, -2);
    library_note(lua, paths, lua_tostring(lua, -2));
    lua_remove(lua, -2);
  }
}

// ---- what users change ----

// originals[table at -1] = a copy of it.
static void
library_remember(lua_State *lua, int originals)
{
  int table = lua_gettop(lua);
  lua_pushvalue(lua, table);
  lua_newtable(lua);
  for (lua_pushnil(lua); lua_next(lua, table) != 0; lua_pop(lua, 1)) {
    lua_pushvalue(lua, -2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, table + 2);
  }
  lua_rawset(lua, originals);
}

static void
library_remember_libraries(lua_State *lua)
{
  lua_pushlightuserdata(lua, (void *)&libraries_key);
  struct libraries *all = lua_newuserdata(lua, sizeof *all);
  *all = (struct libraries){0};
  lua_rawset(lua, LUA_REGISTRYINDEX);
  lua_newtable(lua);
  int originals = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, LUA_GLOBALSINDEX) != 0; lua_pop(lua, 1)) {
    if (!lua_istable(lua, -1) || lua_rawequal(lua, -1, LUA_GLOBALSINDEX))
      continue;
    assert(all->count < LIBRARIES_MAX);
    all->items[all->count++].table = lua_topointer(lua, -1);
    library_remember(lua, originals);
  }
  lua_pushliteral(lua, "");
  if (lua_getmetatable(lua, -1))
    library_remember(lua, originals);
  lua_settop(lua, originals);
  lua_pushlightuserdata(lua, (void *)&originals_key);
  lua_insert(lua, originals);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

// Does the table at -1 hold what it held at first?
static bool
library_as_at_first(lua_State *lua, int originals)
{
  int table = lua_gettop(lua), missing = 0;
  bool same = true;
  lua_pushvalue(lua, table);
  lua_rawget(lua, originals);
  for (lua_pushnil(lua); lua_next(lua, table + 1) != 0; lua_pop(lua, 1))
    missing++;
  for (lua_pushnil(lua); lua_next(lua, table) != 0; lua_pop(lua, 1)) {
    lua_pushvalue(lua, -2);
    lua_rawget(lua, table + 1);
    same = same && lua_rawequal(lua, -1, -2);
    missing--;
    lua_pop(lua, 1);
  }
  bool has_metatable = lua_getmetatable(lua, table);
  lua_settop(lua, table);
  return same && missing == 0 && !has_metatable;
}

bool
library_look(lua_State *lua)
{
  struct libraries *all = library_all(lua);
  bool news = false, everywhere = all->changed_everywhere;
  int top = lua_gettop(lua);
  lua_pushlightuserdata(lua, (void *)&originals_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  int originals = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, originals) != 0;) {
    const void *table = lua_topointer(lua, -2);
    lua_pop(lua, 1);
    lua_pushvalue(lua, -1);
    bool changed = !library_as_at_first(lua, originals);
    lua_pop(lua, 1);
    for (unsigned i = 0; i < all->count; i++)
      if (all->items[i].table == table) {
        news |= all->items[i].changed != changed;
        all->items[i].changed = changed;
      }
  }
  lua_pushliteral(lua, "");
  bool methods = lua_getmetatable(lua, -1) && library_as_at_first(lua, originals);
  lua_pushliteral(lua, "string");
  lua_rawget(lua, LUA_GLOBALSINDEX); // a metatable of the globals may raise an error
  methods = methods && !library_changed(lua, lua_topointer(lua, -1));
  all->changed_everywhere = !methods || lua_getmetatable(lua, LUA_GLOBALSINDEX);
  lua_settop(lua, top);
  return news || all->changed_everywhere != everywhere;
}

bool
library_has(lua_State *lua, const void *table)
{
  const struct libraries *all = library_all(lua);
  for (unsigned i = 0; i < all->count; i++)
    if (all->items[i].table == table)
      return true;
  return false;
}

bool
library_changed(lua_State *lua, const void *table)
{
  const struct libraries *all = library_all(lua);
  for (unsigned i = 0; i < all->count; i++)
    if (all->items[i].table == table)
      return all->items[i].changed;
  return false;
}

bool
library_changed_everywhere(lua_State *lua)
{
  return library_all(lua)->changed_everywhere;
}

// ---- what there is ----

void
library_open(lua_State *lua)
{
  library_remember_libraries(lua);
  lua_newtable(lua);
  int paths = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, LUA_GLOBALSINDEX) != 0; lua_pop(lua, 1)) {
    if (lua_type(lua, -2) != LUA_TSTRING || (!lua_isfunction(lua, -1) && !lua_istable(lua, -1)) ||
        lua_rawequal(lua, -1, LUA_GLOBALSINDEX))
      continue;
    library_note(lua, paths, lua_tostring(lua, -2));
    if (lua_istable(lua, -1))
      library_note_members(lua, paths, lua_tostring(lua, -2));
  }
  lua_pushlightuserdata(lua, (void *)&paths_key);
  lua_insert(lua, paths);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

// Our functions are closures over their declaration.
static const struct lua_function *
library_ours(lua_State *lua, int index)
{
  if (lua_tocfunction(lua, index) != binder_dispatch || lua_getupvalue(lua, index, 1) == NULL)
    return NULL;
  const struct lua_function *f = lua_touserdata(lua, -1);
  lua_pop(lua, 1);
  lua_getupvalue(lua, index, 2);
  bool method = !lua_isnil(lua, -1);
  lua_pop(lua, 1);
  return method ? NULL : f;
}

struct library_entry
library_find(lua_State *lua, int index)
{
  struct library_entry entry = {.kind = LIBRARY_UNKNOWN};
  if (index < 0 && index > LUA_REGISTRYINDEX)
    index = lua_gettop(lua) + 1 + index;
  if (!lua_isfunction(lua, index) && !lua_istable(lua, index))
    return entry;
  lua_pushlightuserdata(lua, (void *)&paths_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  lua_pushvalue(lua, index);
  lua_rawget(lua, -2);
  entry.path = lua_tostring(lua, -1);
  lua_pop(lua, 2);
  if (entry.path == NULL)
    return entry;
  entry.function = lua_isfunction(lua, index) ? library_ours(lua, index) : NULL;
  if (lua_istable(lua, index))
    entry.kind = LIBRARY_TABLE;
  else if (entry.function != NULL)
    entry.kind = entry.function->flags & FUNCTION_ANY_THREAD ? LIBRARY_PURE : LIBRARY_OUTSIDE;
  else
    entry.kind = library_kind_of(entry.path);
  return entry;
}

bool
library_push(lua_State *lua, const struct library_entry *entry)
{
  if (entry->function != NULL) {
    lua_pushlightuserdata(lua, (void *)entry->function);
    lua_pushnil(lua);
    lua_pushcclosure(lua, binder_dispatch, 2);
    return true;
  }
  lua_pushvalue(lua, LUA_GLOBALSINDEX);
  for (const char *at = entry->path; *at != '\0';) {
    size_t width = strcspn(at, ".");
    if (!lua_istable(lua, -1)) {
      lua_pop(lua, 1);
      return false;
    }
    lua_pushlstring(lua, at, width);
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
    at += width + (at[width] == '.');
  }
  return !lua_isnil(lua, -1);
}
