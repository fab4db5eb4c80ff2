// SPDX-License-Identifier: BSD-2-Clause
// The Lua side of compiled members, as text. Each member checks its arguments, calls C, and leaves everything unusual to
// the binder's member of the same name, by a tail call: errors come from where the script is.
//
// Every member is a function of its own (no shared factory): LuaJIT takes the upvalues of functions that are made often
// as changing. Every one is written with `...`: no trace begins at such a function, only at those of scripts; one that
// begins within a metamethod cannot leave it. getmetatable() of cdata is not compiled: its type is looked at first.
// `true` and `false` are macros elsewhere: nothing is included here.
#include <stddef.h>

extern const char *const members_text[];

#define LUA(...) LUA_TEXT(__VA_ARGS__)
#define LUA_TEXT(...) #__VA_ARGS__

// A method without arguments whose C function gives a number, -1 when it cannot.
#define NUMBER(class, is, method, call)                                                                                \
  do local slow, get = class.method, c.call                                                                            \
    class.method = function(...)                                                                                       \
      local self = ...                                                                                                 \
      if select("#", ...) == 1 and is(self) then                                                                       \
        local n = get(self)                                                                                            \
        if n >= 0 then return n end                                                                                    \
      end                                                                                                              \
      return slow(...)                                                                                                 \
    end                                                                                                                \
  end

#define BOOLEAN(class, is, method, call)                                                                               \
  do local slow, get = class.method, c.call                                                                            \
    class.method = function(...)                                                                                       \
      local self = ...                                                                                                 \
      if select("#", ...) == 1 and is(self) then                                                                       \
        local n = get(self)                                                                                            \
        if n >= 0 then return n == 1 end                                                                               \
      end                                                                                                              \
      return slow(...)                                                                                                 \
    end                                                                                                                \
  end

// One whose C function writes text and gives its size.
#define TEXT(class, is, method, call)                                                                                  \
  do local slow, write = class.method, c.call                                                                          \
    class.method = function(...)                                                                                       \
      local self = ...                                                                                                 \
      if select("#", ...) == 1 and is(self) then                                                                       \
        local size = write(self, buffer)                                                                               \
        if size >= 0 then return string_of(buffer, size) end                                                           \
      end                                                                                                              \
      return slow(...)                                                                                                 \
    end                                                                                                                \
  end

#define BIT(bit)                                                                                                       \
  do local slow, number = header.get##bit, bits.bit                                                                    \
    if slow ~= nil then                                                                                                \
      header.get##bit = function(...)                                                                                  \
        local self = ...                                                                                               \
        if select("#", ...) == 1 and is_header(self) then                                                              \
          local n = get_bit(self, number)                                                                              \
          if n >= 0 then return n == 1 end                                                                             \
        end                                                                                                            \
        return slow(...)                                                                                               \
      end                                                                                                              \
    end                                                                                                                \
    local slow_set = header.set##bit                                                                                   \
    header.set##bit = function(...)                                                                                    \
      local self, on = ...                                                                                             \
      if select("#", ...) == 2 and is_header(self) and type(on) == "boolean" and                                       \
         set_bit(self, number, on) then return end                                                                     \
      return slow_set(...)                                                                                             \
    end                                                                                                                \
  end

// ---- fields of dq and dr: the class's C function answers when ours cannot ----

#define NUMBER_FIELD(field, call)                                                                                      \
  do local get = c.call                                                                                                \
    getters.field = function(...)                                                                                      \
      local self = ...                                                                                                 \
      local n = get(self)                                                                                              \
      if n >= 0 then return n end                                                                                      \
      return slow_index(self, #field)                                                                                  \
    end                                                                                                                \
  end
#define BOOLEAN_FIELD(field, call)                                                                                     \
  do local get = c.call                                                                                                \
    getters.field = function(...)                                                                                      \
      local self = ...                                                                                                 \
      local n = get(self)                                                                                              \
      if n >= 0 then return n == 1 end                                                                                 \
      return slow_index(self, #field)                                                                                  \
    end                                                                                                                \
  end
#define VALUE_FIELD(field, call, make)                                                                                 \
  do local get = c.call                                                                                                \
    getters.field = function(...)                                                                                      \
      local self = ...                                                                                                 \
      local value = make()                                                                                             \
      if get(self, value) then return value end                                                                        \
      return slow_index(self, #field)                                                                                  \
    end                                                                                                                \
  end

#define QUESTION(class)                                                                                                \
  do                                                                                                                   \
    local members, metatable, getters, setters = classes.class.members, classes.class.metatable, {}, {}                \
    local methods = {}                                                                                                 \
    local slow_index, slow_newindex = metatable.__index, metatable.__newindex                                          \
    local function is_question(...) return getmetatable((...)) == #class end                                           \
    NUMBER_FIELD(qtype, get_qtype)                                                                                     \
    NUMBER_FIELD(qclass, get_qclass)                                                                                   \
    NUMBER_FIELD(rcode, get_rcode)                                                                                     \
    NUMBER_FIELD(opcode, get_opcode)                                                                                   \
    NUMBER_FIELD(len, get_len)                                                                                         \
    BOOLEAN_FIELD(tcp, get_tcp)                                                                                        \
    BOOLEAN_FIELD(skipCache, get_skip_cache)                                                                           \
    VALUE_FIELD(qname, get_qname, new_name)                                                                            \
    VALUE_FIELD(remoteaddr, get_remote, new_address)                                                                   \
    VALUE_FIELD(localaddr, get_local, new_address)                                                                     \
    getters.pool = function(...)                                                                                       \
      local self = ...                                                                                                 \
      local name = get_pool(self)                                                                                      \
      if name ~= nil then return string_of(name) end                                                                   \
      return slow_index(self, "pool")                                                                                  \
    end                                                                                                                \
    getters.dh = function(...)                                                                                         \
      local self = ...                                                                                                 \
      local header = headers[get_level(self)]                                                                          \
      if header ~= nil then return header end                                                                          \
      return slow_index(self, "dh")                                                                                    \
    end                                                                                                                \
    setters.rcode = function(...)                                                                                      \
      local self, value = ...                                                                                          \
      return type(value) == "number" and set_rcode(self, value)                                                        \
    end                                                                                                                \
    setters.skipCache = function(...)                                                                                  \
      local self, value = ...                                                                                          \
      return type(value) == "boolean" and set_skip_cache(self, value)                                                  \
    end                                                                                                                \
    setters.pool = function(...)                                                                                       \
      local self, value = ...                                                                                          \
      return type(value) == "string" and set_pool(self, value, length(value))                                          \
    end                                                                                                                \
    metatable.__index = function(...)                                                                                  \
      local self, key = ...                                                                                            \
      local get = getters[key]                                                                                         \
      if get ~= nil then return get(self) end                                                                          \
      local member = methods[key]                                                                                      \
      if member ~= nil then return member end                                                                          \
      return slow_index(self, key)                                                                                     \
    end                                                                                                                \
    metatable.__newindex = function(...)                                                                               \
      local self, key, value = ...                                                                                     \
      local set = setters[key]                                                                                         \
      if set ~= nil and set(self, value) then return end                                                               \
      return slow_newindex(self, key, value)                                                                           \
    end                                                                                                                \
    BOOLEAN(members, is_question, getDO, get_dnssec_ok)                                                                \
    local slow_get_tag, slow_set_tag = members.getTag, members.setTag                                                  \
    members.getTag = function(...)                                                                                     \
      local self, key = ...                                                                                            \
      if select("#", ...) == 2 and is_question(self) and type(key) == "string" then                                    \
        local value = get_tag(self, key, size)                                                                         \
        if value ~= nil then return string_of(value, size[0]) end                                                      \
      end                                                                                                              \
      return slow_get_tag(...)                                                                                         \
    end                                                                                                                \
    members.setTag = function(...)                                                                                     \
      local self, key, value = ...                                                                                     \
      if select("#", ...) == 3 and is_question(self) and type(key) == "string" and type(value) == "string" and         \
         set_tag(self, key, value, length(value)) then return end                                                      \
      return slow_set_tag(...)                                                                                         \
    end                                                                                                                \
    for name, member in pairs(members) do                                                                              \
      if type(member) == "function" then methods[name] = member end                                                    \
    end                                                                                                                \
  end

const char *const members_text[] = {
    LUA(
      local ffi, c, bits, classes, name_size, address_size, headers = ...
      local getmetatable, length, select, type = getmetatable, string.len, select, type
      local istype, string_of = ffi.istype, ffi.string
      local buffer, size = ffi.new("char[1024]"), ffi.new("uint32_t[1]")
      local header, name, address = classes.DNSHeader.members, classes.DNSName.members, classes.ComboAddress.members
      local get_bit, set_bit, get_level, get_pool, set_pool = c.get_bit, c.set_bit, c.get_level, c.get_pool, c.set_pool
      local get_tag, set_tag, set_rcode, set_skip_cache = c.get_tag, c.set_tag, c.set_rcode, c.set_skip_cache

      // A value that compiled code can make lies in memory as one in a userdata does: the class, then the bytes.
      local new_name = ffi.typeof("struct { const uint64_t _class; const uint8_t _value[" .. name_size .. "]; }")
      local new_address = ffi.typeof("struct { const uint64_t _class; const uint8_t _value[" .. address_size .. "]; }")
      local function is_name(...)
        local x = ...
        if type(x) == "cdata" then return istype(new_name, x) end
        return getmetatable(x) == "DNSName"
      end
      local function is_address(...)
        local x = ...
        if type(x) == "cdata" then return istype(new_address, x) end
        return getmetatable(x) == "ComboAddress"
      end
      local function is_header(...) return getmetatable((...)) == "DNSHeader" end
    ),
    LUA(
      TEXT(name, is_name, toString, write_name)
      TEXT(name, is_name, tostring, write_name)
      TEXT(name, is_name, toStringNoDot, write_name_no_dot)
      TEXT(name, is_name, toDNSString, write_name_wire)
      TEXT(classes.DNSName.metatable, is_name, __tostring, write_name)
      NUMBER(name, is_name, countLabels, count_labels)
      NUMBER(name, is_name, wirelength, wire_length)
      NUMBER(name, is_name, hash, hash)
      do local slow, is_part_of = name.isPartOf, c.is_part_of
        name.isPartOf = function(...)
          local self, parent = ...
          if select("#", ...) == 2 and is_name(self) and is_name(parent) then
            local n = is_part_of(self, parent)
            if n >= 0 then return n == 1 end
          end
          return slow(...)
        end
      end
    ),
    LUA(
      TEXT(address, is_address, toString, write_address)
      TEXT(address, is_address, tostring, write_address)
      TEXT(address, is_address, toStringWithPort, write_address_with_port)
      TEXT(address, is_address, tostringWithPort, write_address_with_port)
      TEXT(address, is_address, getRaw, write_address_raw)
      TEXT(classes.ComboAddress.metatable, is_address, __tostring, write_address)
      NUMBER(address, is_address, getPort, get_port)
      BOOLEAN(address, is_address, isIPv4, is_v4)
      BOOLEAN(address, is_address, isIPv6, is_v6)
      BOOLEAN(address, is_address, isMappedIPv4, is_mapped)
    ),
    LUA(
      BIT(AA) BIT(AD) BIT(CD) BIT(QR) BIT(RA) BIT(RD) BIT(TC)
      NUMBER(header, is_header, getID, get_id)
    ),
    LUA(
      QUESTION(DNSQuestion)
    ),
    LUA(
      QUESTION(DNSResponse)
    ),
    LUA(
      // What such a value cannot do is said as of any other object.
      local function class_open(class, new)
        local table, members = classes[class].metatable, classes[class].members
        local cannot = function(words)
          return function() error(words, 2) end
        end
        ffi.metatype(new, {
          __index = function(...) // as a table it would make an error of what is not there
            local _, key = ...
            return members[key]
          end,
          __newindex = table.__newindex, __tostring = table.__tostring,
          __eq = function(...) return rawequal(...) end,
          __lt = cannot("attempt to compare two userdata values"),
          __le = cannot("attempt to compare two userdata values"),
          __concat = cannot("attempt to concatenate a userdata value"),
          __len = cannot("attempt to get length of a userdata value"),
          __call = cannot("attempt to call a userdata value"),
          __add = cannot("attempt to perform arithmetic on a userdata value"),
          __sub = cannot("attempt to perform arithmetic on a userdata value"),
          __mul = cannot("attempt to perform arithmetic on a userdata value"),
          __div = cannot("attempt to perform arithmetic on a userdata value"),
          __mod = cannot("attempt to perform arithmetic on a userdata value"),
          __pow = cannot("attempt to perform arithmetic on a userdata value"),
          __unm = cannot("attempt to perform arithmetic on a userdata value")
        })
      end
      for _, class in pairs({"DNSHeader", "DNSName", "ComboAddress"}) do
        classes[class].metatable.__index = classes[class].members
      end
      class_open("DNSName", new_name)
      class_open("ComboAddress", new_address)
      // Compiled code calls no metamethod of cdata for the library's tostring().
      local tostring_of, name_text, address_text = tostring, name.toString, address.toString
      tostring = function(...)
        local x = ...
        if type(x) == "cdata" then
          if istype(new_name, x) then return name_text(x) end
          if istype(new_address, x) then return address_text(x) end
        end
        return tostring_of(...)
      end
      // Scripts ask for "userdata", which all our objects were, before they call methods of what they were given.
      _G.type = function(...)
        local x = ...
        local word = type(...)
        if word == "cdata" and (istype(new_name, x) or istype(new_address, x)) then return "userdata" end
        return word
      end
    ),
    NULL};
