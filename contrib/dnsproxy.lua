-- SPDX-License-Identifier: BSD-2-Clause
---@meta
-- Made by dnsproxy --describe=luals: change the declarations instead.

---An action on queries
---@class DNSAction
local DNSAction = {}

---Its figures
---@return table
function DNSAction:getStats() end

---Print its figures
function DNSAction:printStats() end

---Open its file again
function DNSAction:reload() end

---An IPv4 or IPv6 address with a port
---@class ComboAddress
local ComboAddress = {}

---Port
---@return integer
function ComboAddress:getPort() end

---The 4 or 16 bytes of the address
---@return string
function ComboAddress:getRaw() end

---Encrypted to another address of its family (ipcipher)
---@param key string # 16 bytes, as makeIPCipherKey() gives
---@return ComboAddress
function ComboAddress:ipencrypt(key) end

---What ipencrypt() was given
---@param key string # 16 bytes, as makeIPCipherKey() gives
---@return ComboAddress
function ComboAddress:ipdecrypt(key) end

---Is it IPv4?
---@return boolean
function ComboAddress:isIPv4() end

---Is it IPv6?
---@return boolean
function ComboAddress:isIPv6() end

---Is it IPv6 with an IPv4 address inside?
---@return boolean
function ComboAddress:isMappedIPv4() end

---The IPv4 address inside; raises if there is none
---@return ComboAddress
function ComboAddress:mapToIPv4() end

---Address as text
---@return string
function ComboAddress:toString() end

---Address as text
---@return string
function ComboAddress:tostring() end

---Address and port as text
---@return string
function ComboAddress:toStringWithPort() end

---Address and port as text
---@return string
function ComboAddress:tostringWithPort() end

---Set the bits behind the first ones to zero, in place
---@param bits integer # how many stay; 0 to 128
function ComboAddress:truncate(bits) end

---A query or answer that was suspended: its owner until resume(), drop(), or the end of its time.
---@class AsynchronousObject
local AsynchronousObject = {}

---The query that was suspended; usable until it goes on
---@return DNSQuestion
function AsynchronousObject:getDQ() end

---The answer that was suspended; usable until it goes on
---@return DNSResponse
function AsynchronousObject:getDR() end

---Let it go on; false: it is over already
---@return boolean
function AsynchronousObject:resume() end

---Drop it; false: it is over already
---@return boolean
function AsynchronousObject:drop() end

---Make it an answer with this rcode; false: it is over already
---@param rcode integer # DNSRCode; 0 to 15
---@param clearRecords boolean # true: header and question are left
---@return boolean
function AsynchronousObject:setRCode(rcode, clearRecords) end

---A cache of answers
---@class PacketCache
local PacketCache = {}

---Write a summary to a new file
---@param path string
---@param rawResponse? boolean
function PacketCache:dump(path, rawResponse) end

---Remove entries until so many remain
---@param keep integer # at least 0
---@return integer
function PacketCache:expunge(keep) end

---Remove the entries of a name
---@param name DNSName|string
---@param qtype? integer|string
---@param suffixMatch? boolean
function PacketCache:expungeByName(name, qtype, suffixMatch) end

---Addresses in the cached answers for a name
---@param name DNSName|string
---@return table
function PacketCache:getAddressListByDomain(name) end

---Cached names whose answers hold an address
---@param address ComboAddress|string
---@return table
function PacketCache:getDomainListByAddress(address) end

---Its figures
---@return table
function PacketCache:getStats() end

---Print its figures
function PacketCache:printStats() end

---Is the maximum reached
---@return boolean
function PacketCache:isFull() end

---Remove expired entries until so many remain
---@param keep integer # at least 0
---@return integer
function PacketCache:purgeExpired(keep) end

---Entries and maximum
---@return string
function PacketCache:toString() end

---All values of one EDNS option of a query or answer.
---@class EDNSOptionView
local EDNSOptionView = {}

---Number of values
---@return integer
function EDNSOptionView:count() end

---The values, in the order of the message
---@return string[]
function EDNSOptionView:getValues() end

---The bits of a header: of the packet itself (dq.dh), or a copy of them (getHeader()).
---@class DNSHeader
local DNSHeader = {}

---The AA bit
---@return boolean
function DNSHeader:getAA() end

---The AD bit
---@return boolean
function DNSHeader:getAD() end

---The CD bit
---@return boolean
function DNSHeader:getCD() end

---The id
---@return integer
function DNSHeader:getID() end

---The RA bit
---@return boolean
function DNSHeader:getRA() end

---The RD bit
---@return boolean
function DNSHeader:getRD() end

---The TC bit
---@return boolean
function DNSHeader:getTC() end

---Set or clear AA
---@param on boolean # set or cleared
function DNSHeader:setAA(on) end

---Set or clear AD
---@param on boolean # set or cleared
function DNSHeader:setAD(on) end

---Set or clear CD
---@param on boolean # set or cleared
function DNSHeader:setCD(on) end

---Set or clear QR
---@param on boolean # set or cleared
function DNSHeader:setQR(on) end

---Set or clear RA
---@param on boolean # set or cleared
function DNSHeader:setRA(on) end

---Set or clear RD
---@param on boolean # set or cleared
function DNSHeader:setRD(on) end

---Set or clear TC
---@param on boolean # set or cleared
function DNSHeader:setTC(on) end

---A dynamic block
---@class DynBlock
---@field action integer # DNSAction: its own, or the default
---@field blocks integer # Queries that it affected
---@field bpf boolean # Enforced by the kernel: never
---@field domain DNSName # The suffix
---@field reason string # Why
---@field until timespec # When it ends, wall clock
---@field warning boolean # Seen, but nothing happens
local DynBlock = {}

---Rules that make dynamic blocks
---@class DynBlockRulesGroup
local DynBlockRulesGroup = {}

---Block clients that ask more often
---@param rate integer # allowed per second; 0 to 4294967295
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRate? integer # above it a warning is made; 0 to 4294967295
---@param options? table
function DynBlockRulesGroup:setQueryRate(rate, seconds, reason, blockingTime, action, warningRate, options) end

---Block clients that get more bytes
---@param rate integer # allowed per second; 0 to 4294967295
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRate? integer # above it a warning is made; 0 to 4294967295
---@param options? table
function DynBlockRulesGroup:setResponseByteRate(rate, seconds, reason, blockingTime, action, warningRate, options) end

---Block clients that get answers of an rcode more often
---@param rcode integer # DNSRCode; 0 to 15
---@param rate integer # allowed per second; 0 to 4294967295
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRate? integer # above it a warning is made; 0 to 4294967295
---@param options? table
function DynBlockRulesGroup:setRCodeRate(rcode, rate, seconds, reason, blockingTime, action, warningRate, options) end

---Block clients that ask for a type more often
---@param qtype integer # DNSQType; 0 to 65535
---@param rate integer # allowed per second; 0 to 4294967295
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRate? integer # above it a warning is made; 0 to 4294967295
---@param options? table
function DynBlockRulesGroup:setQTypeRate(qtype, rate, seconds, reason, blockingTime, action, warningRate, options) end

---Block clients whose answers have an rcode too often
---@param rcode integer # DNSRCode; 0 to 15
---@param ratio number # allowed share, 0 to 1; 0 to 1
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param minimumNumberOfResponses integer # with fewer nobody is judged; at least 0
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRatio? number # above it a warning is made; 0 to 1
---@param options? table
function DynBlockRulesGroup:setRCodeRatio(rcode, ratio, seconds, reason, blockingTime, minimumNumberOfResponses, action, warningRatio, options) end

---Block clients whose answers have other rcodes too often
---@param rcodes integer|integer[] # list of DNSRCode; 0 to 15
---@param ratio number # allowed share, 0 to 1; 0 to 1
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param minimumNumberOfResponses integer # with fewer nobody is judged; at least 0
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRatio? number # above it a warning is made; 0 to 1
---@param options? table
function DynBlockRulesGroup:setAllowedRCodesRatio(rcodes, ratio, seconds, reason, blockingTime, minimumNumberOfResponses, action, warningRatio, options) end

---Block clients whose queries miss the cache too often
---@param ratio number # allowed share, 0 to 1; 0 to 1
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param minimumNumberOfResponses integer # with fewer nobody is judged; at least 0
---@param minimumGlobalCacheHitRatio number # with fewer hits of all nobody is judged; 0 to 1
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param warningRatio? number # above it a warning is made; 0 to 1
---@param options? table
function DynBlockRulesGroup:setCacheMissRatio(ratio, seconds, reason, blockingTime, minimumNumberOfResponses, minimumGlobalCacheHitRatio, action, warningRatio, options) end

---Block the names that a function chooses among those answered
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action any # DNSAction, or nil
---@param visitor function # function(node, self, all) that returns true to block, a reason, an action
---@param options? table
function DynBlockRulesGroup:setSuffixMatchRule(seconds, reason, blockingTime, action, visitor, options) end

---The same for an FFI function; it goes before the other
---@param seconds integer # how far to look back; 1 to 4294967295
---@param reason string # shown with the block
---@param blockingTime integer # how long the block lasts; 1 to 4294967295
---@param action any # DNSAction, or nil
---@param visitor function # function(node), a dnsdist_ffi_stat_node_t, that returns true to block
---@param options? table
function DynBlockRulesGroup:setSuffixMatchRuleFFI(seconds, reason, blockingTime, action, visitor, options) end

---Count clients together that share these bits
---@param v4 integer # 0 to 32
---@param v6 integer # 0 to 128
---@param port integer # 0 to 16
function DynBlockRulesGroup:setMasks(v4, v6, port) end

---Never block these clients
---@param ranges NetmaskGroup|string|string[] # network, list or NetmaskGroup
function DynBlockRulesGroup:excludeRange(ranges) end

---Block these all the same
---@param ranges NetmaskGroup|string|string[] # network, list or NetmaskGroup
function DynBlockRulesGroup:includeRange(ranges) end

---Forget that these were excluded or included
---@param ranges NetmaskGroup|string|string[] # network, list or NetmaskGroup
function DynBlockRulesGroup:removeRange(ranges) end

---Never block these suffixes
---@param domains SuffixMatchNode|DNSName|string|string[] # name or list
function DynBlockRulesGroup:excludeDomains(domains) end

---Do not log new blocks
---@param quiet boolean
function DynBlockRulesGroup:setQuiet(quiet) end

---Call a function for each new block
---@param hook function # function(type, key, reason, action, duration, warning); type 1: a suffix
function DynBlockRulesGroup:setNewBlockInsertedHook(hook) end

---Look at the rings and make blocks
function DynBlockRulesGroup:apply() end

---The rules, a line each
---@return string
function DynBlockRulesGroup:toString() end

---How a handler answers its query: called like a function
---@class DNSReply
local DNSReply = {}

---A scripted DNS server
---@class DNSService
local DNSService = {}

---Append a handler: the first whose expression matches the name of a query answers it
---@param options table
function DNSService:addHandler(options) end

---Remove a handler; queries that wait for it still get their answer
---@param label string
function DNSService:rmHandler(label) end

---Print the handlers in matching order
function DNSService:showHandlers() end

---Its name
---@return string
function DNSService:name() end

---The address that it listens on, with port; nil when there are not that many
---@param position? integer # 0 to 65535
---@return string
function DNSService:address(position) end

---A limit on how often something may happen
---@class QPSLimiter
local QPSLimiter = {}

---Take a token; false when there is none
---@return boolean
function QPSLimiter:check() end

---A whole number that functions on all threads may change at once
---@class SharedCounter
local SharedCounter = {}

---Add to it; returns what it is then
---@param step? integer # may be negative
---@return integer
function SharedCounter:add(step) end

---What it is
---@return integer
function SharedCounter:get() end

---Give it another value; returns what it was
---@param value integer
---@return integer
function SharedCounter:set(value) end

---Keys and values that functions on all threads may change at once
---@class SharedTable
local SharedTable = {}

---The value of a key; nil: none
---@param key string # any bytes; a number counts as its text
---@return string|number|boolean|nil
function SharedTable:get(key) end

---Give a key a value; nil deletes it. False: it is too large
---@param key string # any bytes; a number counts as its text
---@param value any # string, number, boolean or nil
---@param seconds? number # how long it stays: for ever when not given; 0 or less: it is gone at once
---@return boolean
function SharedTable:set(key, value, seconds) end

---Give a key a value unless it has one. False: it has
---@param key string # any bytes; a number counts as its text
---@param value any # string, number or boolean
---@param seconds? number # how long it stays: for ever when not given; 0 or less: it is gone at once
---@return boolean
function SharedTable:add(key, value, seconds) end

---Add to a number in one step, 0 if there is none; returns what it is then. nil: it is no number
---@param key string # any bytes; a number counts as its text
---@param step? number # may be negative
---@param seconds? number # how long a new one stays: for ever when not given; 0 or less: it is gone at once
---@return number|nil
function SharedTable:incr(key, step, seconds) end

---Forget a key. False: there was none
---@param key string # any bytes; a number counts as its text
---@return boolean
function SharedTable:delete(key) end

---Forget all keys
function SharedTable:clear() end

---How many keys there are; looks at all of them
---@return integer
function SharedTable:count() end

---A Lua table of all keys and values as they are now
---@return table<string, any>
function SharedTable:toTable() end

---A listener
---@class ClientState
---@field muted boolean # UDP queries are processed, never answered
local ClientState = {}

---Its address
---@return string
function ClientState:toString() end

---Its protocol, as showBinds() says
---@return string
function ClientState:getType() end

---TLS library in use
---@return string
function ClientState:getEffectiveTLSProvider() end

---TLS library asked for
---@return string
function ClientState:getConfiguredTLSProvider() end

---eBPF filters are not built
---@param filter any
function ClientState:attachFilter(filter) end

---eBPF filters are not built
function ClientState:detachFilter() end

---A domain name
---@class DNSName
local DNSName = {}

---Add labels behind, in place
---@param labels DNSName|string # labels to add
function DNSName:append(labels) end

---Add labels in front, in place
---@param labels DNSName|string # labels to add
function DNSName:prepend(labels) end

---Drop the leftmost label, in place; false on the root
---@return boolean
function DNSName:chopOff() end

---Number of labels, 0 for the root
---@return integer
function DNSName:countLabels() end

---Number that is the same for all casings
---@return integer
function DNSName:hash() end

---Is it equal to or below the parent?
---@param parent DNSName # name that may be above
---@return boolean
function DNSName:isPartOf(parent) end

---The labels below the parent; an unset name, which cannot be printed, if there are none
---@param parent DNSName # name that may be above
---@return DNSName
function DNSName:makeRelative(parent) end

---Bytes as in a message
---@return string
function DNSName:toDNSString() end

---Text with final dot
---@return string
function DNSName:toString() end

---Text with final dot
---@return string
function DNSName:tostring() end

---Text without final dot, empty for the root
---@return string
function DNSName:toStringNoDot() end

---Size in a message
---@return integer
function DNSName:wirelength() end

---A set of names
---@class DNSNameSet
local DNSNameSet = {}

---Insert a name
---@param name DNSName
function DNSNameSet:add(name) end

---Is the name a member, in whatever casing?
---@param name DNSName
---@return boolean
function DNSNameSet:check(name) end

---Remove a name; how many that were, 0 or 1
---@param name DNSName
---@return integer
function DNSNameSet:delete(name) end

---Number of members
---@return integer
function DNSNameSet:size() end

---Remove all members
function DNSNameSet:clear() end

---Is there no member?
---@return boolean
function DNSNameSet:empty() end

---Members without final dot, one per line, in any order
---@return string
function DNSNameSet:toString() end

---A network
---@class Netmask
local Netmask = {}

---Is it unset?
---@return boolean
function Netmask:empty() end

---Prefix length
---@return integer
function Netmask:getBits() end

---First address of the network
---@return ComboAddress
function Netmask:getNetwork() end

---First address of the network
---@return ComboAddress
function Netmask:getMaskedNetwork() end

---Is it IPv4?
---@return boolean
function Netmask:isIPv4() end

---Is it IPv4?
---@return boolean
function Netmask:isIpv4() end

---Is it IPv6?
---@return boolean
function Netmask:isIPv6() end

---Is it IPv6?
---@return boolean
function Netmask:isIpv6() end

---Is the address inside?
---@param addr string # address as text
---@return boolean
function Netmask:match(addr) end

---Network and prefix length as text
---@return string
function Netmask:toString() end

---A set of netmasks
---@class NetmaskGroup
local NetmaskGroup = {}

---Add a netmask; one that begins with ! is excluded
---@param mask string
function NetmaskGroup:addMask(mask) end

---Add the addresses in the keys of a table, which the exceed functions return
---@param masks any # table of ComboAddress to number
function NetmaskGroup:addMasks(masks) end

---Add all netmasks of another group
---@param group NetmaskGroup
function NetmaskGroup:addNMG(group) end

---Is the address in? The longest netmask around it decides
---@param addr ComboAddress
---@return boolean
function NetmaskGroup:match(addr) end

---Remove all netmasks
function NetmaskGroup:clear() end

---Number of netmasks
---@return integer
function NetmaskGroup:size() end

---The netmasks as text
---@return string
function NetmaskGroup:toString() end

---What a pool without a cache answers with
---@class PacketCache
local PacketCache = {}

---Write a summary to a new file
---@param path string
---@param rawResponse? boolean
function PacketCache:dump(path, rawResponse) end

---Remove entries until so many remain
---@param keep integer # at least 0
---@return integer
function PacketCache:expunge(keep) end

---Remove the entries of a name
---@param name DNSName|string
---@param qtype? integer|string
---@param suffixMatch? boolean
function PacketCache:expungeByName(name, qtype, suffixMatch) end

---Addresses in the cached answers for a name
---@param name DNSName|string
---@return table
function PacketCache:getAddressListByDomain(name) end

---Cached names whose answers hold an address
---@param address ComboAddress|string
---@return table
function PacketCache:getDomainListByAddress(address) end

---Its figures
---@return table
function PacketCache:getStats() end

---Print its figures
function PacketCache:printStats() end

---Is the maximum reached
---@return boolean
function PacketCache:isFull() end

---Remove expired entries until so many remain
---@param keep integer # at least 0
---@return integer
function PacketCache:purgeExpired(keep) end

---Entries and maximum
---@return string
function PacketCache:toString() end

---A message that a script has as a string, read; it never changes.
---@class DNSPacketOverlay
---@field qname DNSName # Name asked for
---@field qtype integer # Type asked for
---@field qclass integer # Class asked for
---@field dh DNSHeader # A copy of the header
local DNSPacketOverlay = {}

---Number of records in a section
---@param section integer # 1 answer, 2 authority, 3 additional; 1 to 3
---@return integer
function DNSPacketOverlay:getRecordsCountInSection(section) end

---One record, counted from 0 over all sections
---@param index integer # its position
---@return DNSRecord
function DNSPacketOverlay:getRecord(index) end

---A UNIX datagram socket to send to.
---@class NetworkEndpoint
local NetworkEndpoint = {}

---Is it connected?
---@return boolean
function NetworkEndpoint:isValid() end

---Send a datagram; false: the kernel did not take it, or it is not valid
---@param payload string # any bytes
---@return boolean
function NetworkEndpoint:send(payload) end

---Listens on UNIX datagram sockets, on a thread of its own.
---@class NetworkListener
local NetworkListener = {}

---Call the function for each datagram that arrives at a UNIX socket; false: it cannot be opened
---@param path string # of the socket; a zero byte first: abstract
---@param endpointID integer # a number to tell it by, 0 to 65535; 0 to 65535
---@param callback function # function(endpointID, payload, from)
---@return boolean
function NetworkListener:addUnixListeningEndpoint(path, endpointID, callback) end

---The same with a message to be read by ffi.C.dnsdist_ffi_network_message_...(), as long as the call lasts
---@param path string # of the socket; a zero byte first: abstract
---@param endpointID integer # a number to tell it by, 0 to 65535; 0 to 65535
---@param callback function # function(message)
---@return boolean
function NetworkListener:addUnixListeningEndpointFFI(path, endpointID, callback) end

---Begin to listen
function NetworkListener:start() end

---How a backend of a pool is chosen
---@class ServerPolicy
---@field name string # Its name
---@field policy function # function(servers, dq) -> index
---@field ffipolicy function # FFI function: none
---@field isLua boolean # Does it ask a function?
---@field isFFI boolean # Does it ask an FFI function?
---@field isPerThread boolean # Does it run in a state of each thread?
local ServerPolicy = {}

---Kind and name
---@return string
function ServerPolicy:toString() end

---A pool of backends
---@class ServerPool
local ServerPool = {}

---Its cache
---@return PacketCache
function ServerPool:getCache() end

---Give it a cache
---@param cache PacketCache
function ServerPool:setCache(cache) end

---Take its cache away
function ServerPool:unsetCache() end

---Is client subnet added before the cache lookup
---@return boolean
function ServerPool:getECS() end

---Set that, where its backends disagree
---@param use boolean
function ServerPool:setECS(use) end

---Are scope-0 answers looked up
---@return boolean
function ServerPool:getZeroScope() end

---Set that, where its backends disagree
---@param use boolean
function ServerPool:setZeroScope(use) end

---The query at hand, usable in the call it is given to.
---@class DNSQuestion
---@field localaddr ComboAddress # Address the query was sent to
---@field remoteaddr ComboAddress # Address of the client
---@field qname DNSName # Name asked for, a copy
---@field qtype integer # Type asked for
---@field qclass integer # Class asked for
---@field rcode integer # Rcode of the header
---@field dh DNSHeader # The header itself: changes take effect
---@field len integer # Size of the packet; writing resizes it
---@field opcode integer # Opcode of the header
---@field tcp boolean # It came over anything but UDP
---@field skipCache boolean # Neither look up nor insert
---@field pool string # Name of the pool
---@field useECS boolean # The client's subnet may be added
---@field ecsOverride boolean # A client subnet in the query is replaced
---@field ecsPrefixLength integer # Bits of the client's address that are sent
---@field tempFailureTTL integer? # How long the cache keeps ServFail and Refused, in seconds; nil: as the cache is configured
---@field deviceID string # For exporters
---@field deviceName string # For exporters
---@field requestorID string # For exporters
local DNSQuestion = {}

---Replace the name asked for, and owners equal to it
---@param name DNSName|string # the new name
---@return boolean
function DNSQuestion:changeName(name) end

---The whole packet
---@return string
function DNSQuestion:getContent() end

---Replace the packet; its id is kept
---@param bytes string # as on the wire
function DNSQuestion:setContent(bytes) end

---The DO bit
---@return boolean
function DNSQuestion:getDO() end

---EDNS options by code
---@return table<integer, EDNSOptionView>
function DNSQuestion:getEDNSOptions() end

---Microseconds since the query came
---@return number
function DNSQuestion:getElapsedUs() end

---A copy of the header
---@return DNSHeader
function DNSQuestion:getHeader() end

---Write the bits of such a copy back
---@param header any # from getHeader()
function DNSQuestion:setHeader(header) end

---Interface that the listener is bound to
---@return string
function DNSQuestion:getIncomingInterface() end

---How the client asked: 'Do53 UDP', 'Do53 TCP'...
---@return string
function DNSQuestion:getProtocol() end

---When the query came
---@return timespec
function DNSQuestion:getQueryTime() end

---A tag's value, '' if it is not set
---@param key string # name of the tag
---@return string
function DNSQuestion:getTag(key) end

---All tags
---@return table<string, string>
function DNSQuestion:getTagArray() end

---Set a tag
---@param key string # name of the tag
---@param value string # its value, any bytes
function DNSQuestion:setTag(key, value) end

---Set several tags
---@param tags table<string, string> # values by name
function DNSQuestion:setTagArray(tags) end

---Remove a tag
---@param key string # name of the tag
function DNSQuestion:unsetTag(key) end

---Bytes behind the message
---@return string
function DNSQuestion:getTrailingData() end

---Replace the bytes behind the message
---@param bytes string # as on the wire
---@return boolean
function DNSQuestion:setTrailingData(bytes) end

---Attach an extended error to the answer
---@param infoCode integer # RFC 8914 code; 0 to 65535
---@param extraText? string # text for humans
---@param clearExistingEntries? boolean # remove errors that were attached before
function DNSQuestion:setExtendedDNSError(infoCode, extraText, clearExistingEntries) end

---Accepted; there is no SNMP agent
---@param reason? string # why
function DNSQuestion:sendTrap(reason) end

---Accepted; there is no protobuf export
---@param key string # name of the entry
---@param values any # list of strings or numbers
function DNSQuestion:setMetaKey(key, values) end

---Park it until getAsynchronousObject() or the end of its time; false: not possible
---@param asyncID integer # who will resume it; 0 to 65535
---@param queryID integer # which one it is; 0 to 65535
---@param timeoutMs integer # how long; 1 to 4294967295
---@return boolean
function DNSQuestion:suspend(asyncID, queryID, timeoutMs) end

---Turn the query into an answer with these addresses, or raw records
---@param values any # ComboAddress, raw record data, or a list of one of them
---@param typeForAny? integer # type of raw records in answers to ANY; 0 to 65535
function DNSQuestion:spoof(values, typeForAny) end

---Turn the query into a negative answer with a SOA record
---@param nxd boolean # true: the name does not exist; false: it has no such type
---@param zone DNSName|string # owner of the SOA record
---@param ttl integer # TTL of the SOA record; 0 to 4294967295
---@param mname DNSName|string # primary server
---@param rname DNSName|string # mailbox of who is responsible
---@param serial integer # serial number; 0 to 4294967295
---@param refresh integer # interval of secondaries' refreshes; 0 to 4294967295
---@param retry integer # interval after a failed refresh; 0 to 4294967295
---@param expire integer # when secondaries give up; 0 to 4294967295
---@param minimum integer # how long the denial may be cached; 0 to 4294967295
---@return boolean
function DNSQuestion:setNegativeAndAdditionalSOA(nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum) end

---Add an EDNS option, or replace it
---@param code integer # EDNSOptionCode; 0 to 65535
---@param data string # its value, any bytes
function DNSQuestion:setEDNSOption(code, data) end

---Keep the query as it is now for dr:restart()
---@return boolean
function DNSQuestion:setRestartable() end

---Add a value for the PROXY header to the backend
---@param type integer # type of the value
---@param value string # any bytes
function DNSQuestion:addProxyProtocolValue(type, value) end

---Replace the values for the PROXY header to the backend
---@param values table<string, string> # values by type
function DNSQuestion:setProxyProtocolValues(values) end

---Values of the PROXY header, and those added
---@return table<integer, string>
function DNSQuestion:getProxyProtocolValues() end

---Name in the TLS handshake: '' over plain DNS
---@return string
function DNSQuestion:getServerNameIndication() end

---Host of the HTTP request: '' over plain DNS
---@return string
function DNSQuestion:getHTTPHost() end

---Path of the HTTP request: '' over plain DNS
---@return string
function DNSQuestion:getHTTPPath() end

---Query string of the HTTP request: '' over plain DNS
---@return string
function DNSQuestion:getHTTPQueryString() end

---Scheme of the HTTP request: '' over plain DNS
---@return string
function DNSQuestion:getHTTPScheme() end

---Headers of the HTTP request: none over plain DNS
---@return table<string, string>
function DNSQuestion:getHTTPHeaders() end

---No effect over plain DNS
---@param status integer # HTTP status; 100 to 599
---@param body string # what is sent
---@param contentType? string # its MIME type
function DNSQuestion:setHTTPResponse(status, body, contentType) end

---Not built: nil
---@return string?
function DNSQuestion:getTraceID() end

---Not built: nil
---@return string?
function DNSQuestion:getSpanID() end

---A record of a message, without its data.
---@class DNSRecord
---@field name DNSName # Owner
---@field type integer # Type
---@field class integer # Class
---@field ttl integer # TTL in seconds
---@field place integer # Section: 1 answer, 2 authority, 3 additional
---@field contentLength integer # Size of its data
---@field contentOffset integer # Where its data begins in the packet, from 0
local DNSRecord = {}

---The answer at hand with the facts of its query, usable in the call it is given to.
---@class DNSResponse
---@field localaddr ComboAddress # Address the query was sent to
---@field remoteaddr ComboAddress # Address of the client
---@field qname DNSName # Name asked for, a copy
---@field qtype integer # Type asked for
---@field qclass integer # Class asked for
---@field rcode integer # Rcode of the header
---@field dh DNSHeader # The header itself: changes take effect
---@field len integer # Size of the packet; writing resizes it
---@field opcode integer # Opcode of the header
---@field tcp boolean # It came over anything but UDP
---@field skipCache boolean # Neither look up nor insert
---@field pool string # Name of the pool
local DNSResponse = {}

---Replace the name asked for, and owners equal to it
---@param name DNSName|string # the new name
---@return boolean
function DNSResponse:changeName(name) end

---The whole packet
---@return string
function DNSResponse:getContent() end

---Replace the packet; its id is kept
---@param bytes string # as on the wire
function DNSResponse:setContent(bytes) end

---The DO bit
---@return boolean
function DNSResponse:getDO() end

---EDNS options by code
---@return table<integer, EDNSOptionView>
function DNSResponse:getEDNSOptions() end

---Microseconds since the query came
---@return number
function DNSResponse:getElapsedUs() end

---A copy of the header
---@return DNSHeader
function DNSResponse:getHeader() end

---Write the bits of such a copy back
---@param header any # from getHeader()
function DNSResponse:setHeader(header) end

---Interface that the listener is bound to
---@return string
function DNSResponse:getIncomingInterface() end

---How the client asked: 'Do53 UDP', 'Do53 TCP'...
---@return string
function DNSResponse:getProtocol() end

---When the query came
---@return timespec
function DNSResponse:getQueryTime() end

---A tag's value, '' if it is not set
---@param key string # name of the tag
---@return string
function DNSResponse:getTag(key) end

---All tags
---@return table<string, string>
function DNSResponse:getTagArray() end

---Set a tag
---@param key string # name of the tag
---@param value string # its value, any bytes
function DNSResponse:setTag(key, value) end

---Set several tags
---@param tags table<string, string> # values by name
function DNSResponse:setTagArray(tags) end

---Remove a tag
---@param key string # name of the tag
function DNSResponse:unsetTag(key) end

---Bytes behind the message
---@return string
function DNSResponse:getTrailingData() end

---Replace the bytes behind the message
---@param bytes string # as on the wire
---@return boolean
function DNSResponse:setTrailingData(bytes) end

---Attach an extended error to the answer
---@param infoCode integer # RFC 8914 code; 0 to 65535
---@param extraText? string # text for humans
---@param clearExistingEntries? boolean # remove errors that were attached before
function DNSResponse:setExtendedDNSError(infoCode, extraText, clearExistingEntries) end

---Accepted; there is no SNMP agent
---@param reason? string # why
function DNSResponse:sendTrap(reason) end

---Accepted; there is no protobuf export
---@param key string # name of the entry
---@param values any # list of strings or numbers
function DNSResponse:setMetaKey(key, values) end

---Park it until getAsynchronousObject() or the end of its time; false: not possible
---@param asyncID integer # who will resume it; 0 to 65535
---@param queryID integer # which one it is; 0 to 65535
---@param timeoutMs integer # how long; 1 to 4294967295
---@return boolean
function DNSResponse:suspend(asyncID, queryID, timeoutMs) end

---Call function(section, class, type, ttl) for each record: it returns the new TTL, or 0
---@param edit any # the function
function DNSResponse:editTTLs(edit) end

---How often the query was restarted
---@return integer
function DNSResponse:getRestartCount() end

---The backend that answered; nil: none did
---@return Server?
function DNSResponse:getSelectedBackend() end

---The answer is an expired one of the cache
---@return boolean
function DNSResponse:getStaleCacheHit() end

---Forget the answer and ask again, in the pool that is set now; false: nothing was kept
---@return boolean
function DNSResponse:restart() end

---An action on answers
---@class DNSResponseAction
local DNSResponseAction = {}

---Open its file again
function DNSResponseAction:reload() end

---A rule of a response chain
---@class ResponseRuleAction
local ResponseRuleAction = {}

---Its action
---@return action
function ResponseRuleAction:getAction() end

---Its selector
---@return DNSRule
function ResponseRuleAction:getSelector() end

---A selector
---@class DNSRule
local DNSRule = {}

---As in showRules()
---@return string
function DNSRule:toString() end

---How often it matched
---@return integer
function DNSRule:getMatches() end

---A rule of a query chain
---@class RuleAction
local RuleAction = {}

---Its action
---@return action
function RuleAction:getAction() end

---Its selector
---@return DNSRule
function RuleAction:getSelector() end

---A backend
---@class Server
---@field name string # Name
---@field upStatus boolean # Health, forced states aside
---@field order integer # Place in pools; those that exist keep theirs
---@field weight integer # Weight
local Server = {}

---Put it into a pool
---@param pool string
function Server:addPool(pool) end

---Take it out of a pool
---@param pool string
function Server:rmPool(pool) end

---Smoothed latency in microseconds
---@return number
function Server:getLatency() end

---Its name
---@return string
function Server:getName() end

---Name and address
---@return string
function Server:getNameWithAddr() end

---Its UUID
---@return string
function Server:getID() end

---Queries that timed out or gave way
---@return integer
function Server:getDrops() end

---Queries sent
---@return integer
function Server:getQueries() end

---active or lazy
---@return string
function Server:getHealthCheckMode() end

---Queries in flight
---@return integer
function Server:getOutstanding() end

---Forced state, else health
---@return boolean
function Server:isUp() end

---Back to health checks
---@param status? boolean
function Server:setAuto(status) end

---Active health checks
---@param status? boolean
function Server:setActiveAuto(status) end

---Lazy health checks
---@param status? boolean
function Server:setLazyAuto(status) end

---Force it down
function Server:setDown() end

---Force it up
function Server:setUp() end

---Limit that firstAvailable looks at
---@param limit integer # 0 to 4294967295
function Server:setQPS(limit) end

---Change parameters of its health checks
---@param options? table
function Server:setHealthCheckParams(options) end

---One more check of health-check answers
---@param validator function
function Server:setHealthCheckResponseValidator(validator) end

---A set of suffixes
---@class SuffixMatchNode
local SuffixMatchNode = {}

---Insert suffixes
---@param name SuffixMatchNode|DNSName|string|string[] # one suffix or several
function SuffixMatchNode:add(name) end

---Is the name equal to or below a member?
---@param name DNSName
---@return boolean
function SuffixMatchNode:check(name) end

---The longest member that the name is equal to or below; nil if there is none
---@param name DNSName
---@return DNSName
function SuffixMatchNode:getBestMatch(name) end

---Remove suffixes
---@param name SuffixMatchNode|DNSName|string|string[] # one suffix or several
function SuffixMatchNode:remove(name) end

---A set of addresses that expire
---@class TimedIPSetRule
local TimedIPSetRule = {}

---Add an address; a longer stay that it has already is kept
---@param addr ComboAddress
---@param seconds integer # how long it stays; 1 to 4294967295
function TimedIPSetRule:add(addr, seconds) end

---Remove all addresses
function TimedIPSetRule:clear() end

---Remove the addresses whose time is over
function TimedIPSetRule:cleanup() end

---A selector for rules: the client is in the set
---@return DNSRule
function TimedIPSetRule:slice() end

---A moment
---@class timespec
---@field tv_sec integer # Seconds
---@field tv_nsec integer # Nanoseconds behind them
local timespec = {}

---An eBPF filter
---@class BPFFilter
local BPFFilter = {}

---Does nothing yet
function BPFFilter:block() end

---Does nothing yet
function BPFFilter:unblock() end

---Does nothing yet
function BPFFilter:blockQName() end

---Does nothing yet
function BPFFilter:unblockQName() end

---Does nothing yet
function BPFFilter:addRangeRule() end

---Does nothing yet
function BPFFilter:rmRangeRule() end

---Does nothing yet
function BPFFilter:lsRangeRule() end

---Does nothing yet
function BPFFilter:getStats() end

---Does nothing yet
function BPFFilter:attachToAllBinds() end

---The certificates of a DNSCrypt listener
---@class DNSCryptContext
local DNSCryptContext = {}

---Does nothing yet
function DNSCryptContext:addNewCertificate() end

---Does nothing yet
function DNSCryptContext:generateAndLoadInMemoryCertificate() end

---Does nothing yet
function DNSCryptContext:getCertificate() end

---Does nothing yet
function DNSCryptContext:getCertificatePair() end

---Does nothing yet
function DNSCryptContext:getCertificatePairs() end

---Does nothing yet
function DNSCryptContext:getProviderName() end

---Does nothing yet
function DNSCryptContext:loadNewCertificate() end

---Does nothing yet
function DNSCryptContext:markActive() end

---Does nothing yet
function DNSCryptContext:markInactive() end

---Does nothing yet
function DNSCryptContext:printCertificates() end

---Does nothing yet
function DNSCryptContext:reloadCertificates() end

---Does nothing yet
function DNSCryptContext:removeInactiveCertificate() end

---A listener for DNS over HTTPS
---@class DOHFrontend
local DOHFrontend = {}

---Does nothing yet
function DOHFrontend:getAddressAndPort() end

---Does nothing yet
function DOHFrontend:loadNewCertificatesAndKeys() end

---Does nothing yet
function DOHFrontend:loadTicketsKeys() end

---Does nothing yet
function DOHFrontend:loadTicketsKey() end

---Does nothing yet
function DOHFrontend:reloadCertificates() end

---Does nothing yet
function DOHFrontend:rotateTicketsKey() end

---Does nothing yet
function DOHFrontend:setResponsesMap() end

---A listener for DNS over HTTP/3
---@class DOH3Frontend
local DOH3Frontend = {}

---Does nothing yet
function DOH3Frontend:reloadCertificates() end

---A fixed answer of a DNS-over-HTTPS listener
---@class DOHResponseMapEntry
local DOHResponseMapEntry = {}

---A listener for DNS over QUIC
---@class DOQFrontend
local DOQFrontend = {}

---Does nothing yet
function DOQFrontend:reloadCertificates() end

---Entries of an eBPF filter that expire
---@class DynBPFFilter
local DynBPFFilter = {}

---Does nothing yet
function DynBPFFilter:block() end

---Does nothing yet
function DynBPFFilter:purgeExpired() end

---Does nothing yet
function DynBPFFilter:excludeRange() end

---Does nothing yet
function DynBPFFilter:includeRange() end

---A key-value store
---@class KeyValueStore
local KeyValueStore = {}

---The value of a key, or an empty text
---@param key any
---@param wireFormat? boolean
---@return string
function KeyValueStore:lookup(key, wireFormat) end

---The value of a name or of one above it, or an empty text
---@param name DNSName
---@param minLabels? integer # 0 to 127
---@param wireFormat? boolean
---@return string
function KeyValueStore:lookupSuffix(name, minLabels, wireFormat) end

---Open its file again
---@return boolean
function KeyValueStore:reload() end

---How keys are made from a query
---@class KeyValueLookupKey
local KeyValueLookupKey = {}

---Where queries and answers are told to
---@class RemoteLogger
local RemoteLogger = {}

---Where to, and how many went there
---@return string
function RemoteLogger:toString() end

---A remembered query or answer
---@class LuaRingEntry
---@field qname DNSName # Name asked for
---@field requestor ComboAddress # Client
---@field backend ComboAddress # Backend of an answer; 0.0.0.0:0 if it came from the cache or a rule
---@field when timespec # When, on the monotonic clock
---@field macAddress string # Not recorded: empty
---@field dnsheader DNSHeader # Header
---@field usec integer # Microseconds until the answer; 4294967295: none came
---@field size integer # Size of the packet
---@field qtype integer # Type asked for
---@field protocol string # How it came: DoUDP, DoTCP...
---@field isResponse boolean # Is it an answer?
local LuaRingEntry = {}

---Counts of answers
---@class StatNodeStats
---@field queries integer # Answers and time-outs
---@field noerrors integer # NoError
---@field nxdomains integer # NXDomain
---@field servfails integer # ServFail
---@field drops integer # Time-outs
---@field bytes integer # Bytes of the answers
---@field hits integer # Answers from the cache or a rule
local StatNodeStats = {}

---A name in the tree of answered names
---@class StatNode
---@field fullname string # The name; empty for the root
---@field labelsCount integer # Number of its labels
local StatNode = {}

---How many names are directly below
---@return integer
function StatNode:numChildren() end

---The data of an SVCB or HTTPS record
---@class SVCRecordParameters
local SVCRecordParameters = {}

---A certificate and its key
---@class TLSCertificate
local TLSCertificate = {}

---A listener for DNS over TLS
---@class TLSFrontend
local TLSFrontend = {}

---Does nothing yet
function TLSFrontend:getAddressAndPort() end

---Does nothing yet
function TLSFrontend:loadNewCertificatesAndKeys() end

---Does nothing yet
function TLSFrontend:loadTicketsKeys() end

---Does nothing yet
function TLSFrontend:loadTicketsKey() end

---Does nothing yet
function TLSFrontend:reloadCertificates() end

---Does nothing yet
function TLSFrontend:rotateTicketsKey() end

---An AF_XDP socket
---@class XskSocket
local XskSocket = {}

---Does nothing yet
function XskSocket:getMetrics() end

---Allow more clients
---@param netmask string
function addACL(netmask) end

---Remove an entry of the ACL
---@param netmask string
function rmACL(netmask) end

---Replace the ACL
---@param netmasks NetmaskGroup|string|string[]
function setACL(netmasks) end

---Replace the ACL by the netmasks of a file, one per line
---@param path string
function setACLFromFile(path) end

---Print the ACL
function showACL() end

---Allow more clients of the console
---@param netmask string
function addConsoleACL(netmask) end

---Replace the console's ACL
---@param netmasks NetmaskGroup|string|string[]
function setConsoleACL(netmasks) end

---Print the console's ACL
function showConsoleACL() end

---Who must send a PROXY v2 header
---@param netmasks NetmaskGroup|string|string[]
function setProxyProtocolACL(netmasks) end

---Take back a query or answer that dq:suspend() or dr:suspend() parked; raises if it is gone
---@param asyncID integer # as given to suspend(); 0 to 65535
---@param queryID integer # as given to suspend(); 0 to 65535
---@return AsynchronousObject
function getAsynchronousObject(asyncID, queryID) end

---A cache of answers, to be given to pools
---@param maxEntries integer
---@param options? table
---@return PacketCache
function newPacketCache(maxEntries, options) end

---Listen for console connections here; port 5199 unless given
---@param address string
function controlSocket(address) end

---Shared secret of the console, 32 bytes in base64
---@param key string
function setKey(key) end

---Print a new setKey() line
function makeKey() end

---Encrypt and decrypt a text with the console's key
---@param text? string
function testCrypto(text) end

---Print the commands that changed something, with their time
function delta() end

---Forget the commands that delta() prints
function clearConsoleHistory() end

---Print a text
---@param text string
function show(text) end

---Print what functions there are, or one of them
---@param name? string
function help(name) end

---Print the version
function showVersion() end

---End the process
function shutdown() end

---Does the console client read the configuration
---@return boolean
function inClientStartup() end

---Is the configuration only checked
---@return boolean
function inConfigCheck() end

---One more function to be called every second
---@param callback function
function addMaintenanceCallback(callback) end

---A function to be called at exit
---@param callback function
function addExitCallback(callback) end

---Lua is always there
function enableLuaConfiguration() end

---Every query sees the newest configuration anyway
function refreshRuntimeConfiguration() end

---An empty group of rules that make dynamic blocks: call its apply() from maintenance()
---@return DynBlockRulesGroup
function dynBlockRulesGroup() end

---Block an address or a range for some time
---@param address any # ComboAddress or text
---@param message string # why
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param seconds? integer # how long; 1 to 4294967295
---@param clientIPMask? integer # leading bits; all when not given; 0 to 128
---@param clientIPPortMask? integer # leading bits of the port; 0 to 16
---@param options? table
function addDynamicBlock(address, message, action, seconds, clientIPMask, clientIPPortMask, options) end

---Block every address of the table that an exceed...() function gave
---@param addresses any # counts by ComboAddress
---@param message string # why
---@param seconds? integer # how long; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
function addDynBlocks(addresses, message, seconds, action) end

---Block suffixes for some time
---@param names any # list of names
---@param message string # why
---@param seconds? integer # how long; 1 to 4294967295
---@param action? integer # DNSAction; the default's when not given; 0 to 15
---@param options? table
function addDynBlockSMT(names, message, seconds, action, options) end

---Remove every dynamic block
function clearDynBlocks() end

---Print the dynamic blocks
function showDynBlocks() end

---Blocks of addresses by netmask
---@return table<string, DynBlock>
function getDynamicBlocks() end

---Blocks of suffixes by name
---@return table<string, DynBlock>
function getDynamicBlocksSMT() end

---What blocks without an action of their own do
---@param action? integer # DNSAction: Drop, NoOp, Nxdomain, Refused, Truncate or NoRecurse
function setDynBlocksAction(action) end

---How often blocks whose time is over are removed; they have no effect before
---@param seconds? integer # 0: never; 0 to 4294967295
function setDynBlocksPurgeInterval(seconds) end

---Clients above a rate of queries, with their counts
---@param rate integer # allowed for each client; at least 0
---@param seconds integer # how far to look back; 0: as far as the ring goes; at least 0
---@return table<ComboAddress, integer>
function exceedQRate(rate, seconds) end

---Clients above a rate of queries of a type
---@param type integer # DNSQType; 0 to 65535
---@param rate integer # allowed for each client; at least 0
---@param seconds integer # how far to look back; 0: as far as the ring goes; at least 0
---@return table<ComboAddress, integer>
function exceedQTypeRate(type, rate, seconds) end

---Clients above a rate of NXDomain answers
---@param rate integer # allowed for each client; at least 0
---@param seconds integer # how far to look back; 0: as far as the ring goes; at least 0
---@return table<ComboAddress, integer>
function exceedNXDOMAINs(rate, seconds) end

---Clients above a rate of ServFail answers
---@param rate integer # allowed for each client; at least 0
---@param seconds integer # how far to look back; 0: as far as the ring goes; at least 0
---@return table<ComboAddress, integer>
function exceedServFails(rate, seconds) end

---Clients above a rate of bytes in answers
---@param rate integer # allowed for each client; at least 0
---@param seconds integer # how far to look back; 0: as far as the ring goes; at least 0
---@return table<ComboAddress, integer>
function exceedRespByterate(rate, seconds) end

---Say what would happen to a query, room by room and rule by rule, and why; nothing is sent, counted or changed
---@param name DNSName|string # the name asked for
---@param options? table # the rest of the query
---@return string|table|nil
function explain(name, options) end

---Print recent queries and answers: of clients in a netmask, of names at or below a domain, slower than "100ms"
---@param filters string|string[] # all must match; the last of each kind counts
---@param limit? integer # newest queries and newest answers; at least 0
---@param options? table
function grepq(filters, limit, options) end

---Names of the host's interfaces
---@return string[]
function getListOfNetworkInterfaces() end

---Addresses of an interface; none: it has none, or does not exist
---@param interface string # its name
---@return string[]
function getListOfAddressesOfNetworkInterface(interface) end

---Networks of an interface; none: it has none, or does not exist
---@param interface string # its name
---@return string[]
function getListOfRangesOfNetworkInterface(interface) end

---Link address of a neighbour, as the kernel knows it; '' if it does not
---@param address string # its address
---@return string
function getMACAddress(address) end

---A limit for scripts: check() says whether one more is allowed
---@param rate integer # how many per second; 1 to 4294967295
---@param burst integer # how many at once; 1 to 4294967295
---@return QPSLimiter
function newQPSLimiter(rate, burst) end

---Listen on one more address, over UDP and TCP
---@param address string # address; port 53 unless given
---@param options? table
function addLocal(address, options) end

---Listen on this address instead of the plain ones so far
---@param address string # address; port 53 unless given
---@param options? table
function setLocal(address, options) end

---Listener by its position in showBinds()
---@param position integer
---@return ClientState
function getBind(position) end

---Number of listeners
---@return integer
function getBindCount() end

---Print the listeners
function showBinds() end

---Log a text at level error
---@param text string
function errlog(text) end

---Log a text at level warning
---@param text string
function warnlog(text) end

---Log a text at level info
---@param text string
function infolog(text) end

---Log a text when verbose
---@param text string
function vinfolog(text) end

---Verbose logging
---@param verbose boolean
function setVerbose(verbose) end

---Is logging verbose
---@return boolean
function getVerbose() end

---Verbose lines go to this file
---@param path string
function setVerboseLogDestination(path) end

---Log lines as keys and values
---@param enable boolean
---@param options? table
function setStructuredLogging(enable, options) end

---Facility of syslog lines, by name or number
---@param facility any
function setSyslogFacility(facility) end

---Identity of this server
---@param id string
function setServerID(id) end

---Identity of this server
---@return string
function getServerID() end

---Print all metrics
function dumpStats() end

---All counters by name
---@return table<string, integer>
function getStatisticsCounters() end

---Print every reason why a query got no answer, with its count
function showDrops() end

---The counts of showDrops() by reason, and of queries under way as parked
---@return table<string, integer>
function getDrops() end

---Declare a metric of your own
---@param name string
---@param type string # counter or gauge
---@param description string
---@param prometheusName? any
---@return boolean
function declareMetric(name, type, description, prometheusName) end

---Raise a counter of your own
---@param name string
---@param step? any
---@return integer
function incMetric(name, step) end

---Lower a counter of your own
---@param name string
---@param step? any
---@return integer
function decMetric(name, step) end

---Set a gauge of your own
---@param name string
---@param value number
---@param options? table
---@return number
function setMetric(name, value, options) end

---Read a metric of your own
---@param name string
---@param options? table
---@return number
function getMetric(name, options) end

---Run every *.conf file of a directory, in alphabetical order
---@param directory string
function includeDirectory(directory) end

---Accepted: there are no such threads
---@param num integer # at least 0
function setOutgoingDoHWorkerThreads(num) end

---Accepted: there are no such threads
---@param num integer # at least 0
function setMaxTCPClientThreads(num) end

---Accepted: there is no such queue
---@param num integer # at least 0
function setMaxTCPQueuedConnections(num) end

---Accepted: there are no such pipes
---@param bytes integer # at least 0
function setTCPInternalPipeBufferSize(bytes) end

---Accepted: ids are always unpredictable
---@param value boolean
function setRandomizedIdsOverUDP(value) end

---Accepted: batches follow the load
---@param num integer # at least 0
function setUDPMultipleMessagesVectorSize(num) end

---A UNIX datagram socket to send to; one that cannot be reached is not valid and sends nothing
---@param path string # of the socket; a zero byte first: abstract
---@return NetworkEndpoint
function newNetworkEndpoint(path) end

---A listener for datagrams over UNIX sockets
---@return NetworkListener
function newNetworkListener() end

---Address from text, with a port if it has one
---@param text string
---@return ComboAddress
function newCA(text) end

---Address from its 4 or 16 bytes
---@param raw string
---@param port? integer # 0 to 65535
---@return ComboAddress
function newCAFromRaw(raw, port) end

---Name from text
---@param text string
---@return DNSName
function newDNSName(text) end

---Name from its bytes in a message
---@param raw string
---@return DNSName
function newDNSNameFromRaw(raw) end

---An empty set of names
---@return DNSNameSet
function newDNSNameSet() end

---An empty set of suffixes
---@return SuffixMatchNode
function newSuffixMatchNode() end

---An empty set of netmasks
---@return NetmaskGroup
function newNMG() end

---Netmask from text or from an address
---@param network any # text, or ComboAddress
---@param bits? integer # with a ComboAddress: length; 0 to 128
---@return Netmask
function newNetmask(network, bits) end

---An empty set of addresses that expire
---@return TimedIPSetRule
function TimedIPSetRule() end

---Key for ComboAddress:ipencrypt() from a password
---@param password string
---@return string
function makeIPCipherKey(password) end

---What the clock on the wall says
---@return timespec
function getCurrentTime() end

---Addresses of the name servers in a file like resolv.conf
---@param path string
---@return table
function getResolvers(path) end

---Read a message: its question and records
---@param packet string # as on the wire
---@return DNSPacketOverlay
function newDNSPacketOverlay(packet) end

---Address of an A record; nil: it is none
---@param packet string # what the record was read from
---@param record any # DNSRecord, from getRecord()
---@return ComboAddress?
function parseARecord(packet, record) end

---Address of an AAAA record; nil: it is none
---@param packet string # what the record was read from
---@param record any # DNSRecord, from getRecord()
---@return ComboAddress?
function parseAAAARecord(packet, record) end

---Address of an A or AAAA record; nil: it is neither
---@param packet string # what the record was read from
---@param record any # DNSRecord, from getRecord()
---@return ComboAddress?
function parseAddressRecord(packet, record) end

---Target of a CNAME record; nil: it is none
---@param packet string # what the record was read from
---@param record any # DNSRecord, from getRecord()
---@return DNSName?
function parseCNAMERecord(packet, record) end

---A password in a form that does not tell it
---@param password string
---@param workFactor? integer # a power of two
---@return string
function hashPassword(password, workFactor) end

---Policy of all pools without one of their own
---@param policy ServerPolicy
function setServerPolicy(policy) end

---Give a pool its own policy; the pool is made if it does not exist
---@param policy ServerPolicy
---@param pool string
function setPoolServerPolicy(policy, pool) end

---Print the name of the default policy
function showServerPolicy() end

---Print the name of the policy in effect for a pool
---@param pool string
function showPoolServerPolicy(pool) end

---A pool, made if there is none of that name
---@param pool string # its name; empty: the default pool
---@return ServerPool
function getPool(pool) end

---The backends of a pool, in its order
---@param pool string # its name; empty: the default pool
---@return table
function getPoolServers(pool) end

---The names of all pools
---@return table
function getPoolNames() end

---Print the pools
function showPools() end

---How many recent queries, and how many answers, are remembered
---@param num integer # 10000 if not set; 0: none; 1 to 4294967295
---@param shards? integer # accepted: each worker has its own
function setRingBuffersSize(num, shards) end

---What is remembered
---@param options table
function setRingBuffersOptions(options) end

---Accepted: there are no locks
---@param num integer
function setRingBuffersLockRetries(num) end

---One in how many is remembered; 0: all
---@return integer
function getRingBuffersSamplingRate() end

---All remembered queries and answers, oldest first
---@return LuaRingEntry[]
function getRingEntries() end

---The remembered answers as tables with name, qtype, rcode (-1: none came) and usec
---@return table[]
function getResponseRing() end

---The remembered answers as tables with qname and rcode as texts
---@param rcode? integer # of this rcode alone; 0 to 15
---@return table[]
function getRespRing(rcode) end

---Count queries only if the function says so, and under the key that it gives
---@param filter function # function(dq) that returns whether the query counts, and its key
function setQueryCountFilter(filter) end

---Print how often each name was asked for, while setQueryCount(true)
---@param max? integer # how many at most; at least 0
function getQueryCounters(max) end

---Forget how often names were asked for
function clearQueryCounters() end

---A selector from text, names or netmasks
---@param rule DNSRule|DNSName|DNSName[]|string|string[]
---@return DNSRule
function makeRule(rule) end

---Selector and action as one object, for setRules()
---@param rule DNSRule|DNSName|DNSName[]|string|string[]
---@param action DNSAction
---@param options? table
---@return RuleAction
function newRuleAction(rule, action, options) end

---Time a selector
---@param rule DNSRule|DNSName|DNSName[]|string|string[]
---@param times? integer # at least 1
---@param suffix? string
function benchRule(rule, times, suffix) end

---Declare that a function shares nothing, so that rules and policies run copies of it on all threads; one that shares is refused with the reason
---@param function function # given back as it is
---@return function
function perThread(function) end

---Print the Lua functions that queries call: whether each runs in copies on all threads, or shared and why
function showLuaFunctions() end

---Whether functions that share nothing may run in copies on all threads; false: all under the shared lock
---@param enable boolean
function setLuaCopies(enable) end

---Create a backend and put it into its pools
---@param server any # address, or table of options
---@param qps? integer # limit, with an address; 0 to 4294967295
---@return Server
function newServer(server, qps) end

---Backend by its position in showServers() or by UUID
---@param server integer|string
---@return Server
function getServer(server) end

---All backends, in the order of showServers()
---@return table
function getServers() end

---Take a backend out of every pool and stop it
---@param server any # position, UUID or Server
function rmServer(server) end

---Print the backends
---@param options? table
function showServers(options) end

---Call a function with name and new state when a health check changes a backend's state
---@param callback function
function addServerStateChangeCallback(callback) end

---Serve DNS by scripts: the service answers before the first health checks
---@param options table
---@return DNSService
function addDNSService(options) end

---A scripted DNS server by its name; nil when there is none
---@param name string
---@return DNSService
function getDNSService(name) end

---Print the scripted DNS servers and their counters
function showDNSServices() end

---A record in presentation form, checked: what reply() takes
---@param name string
---@param ttl integer # 0 to 2147483647
---@param class string
---@param type string
---@param data string # one or more
---@return string
function rr(name, ttl, class, type, data) end

---A counter that functions on all threads may change at once, without the shared lock
---@param value? integer # to begin with
---@return SharedCounter
function newSharedCounter(value) end

---A table that functions on all threads may change at once, without the shared lock; full, it forgets what was not used for the longest time
---@param maxEntries? integer # how many keys it holds
---@return SharedTable
function newSharedTable(maxEntries) end

---UDP size advertised in the OPT records of self-made answers, 512 to 1500
---@param size integer # 512 to 1500
function setPayloadSizeOnSelfGeneratedAnswers(size) end

---SO_RCVBUF and SO_SNDBUF of listening sockets; 0 tries the system's maximum
---@param receive integer # 0 to 2147483647
---@param send integer # 0 to 2147483647
function setUDPSocketBufferSizes(receive, send) end

---Number of worker threads; 0 is one per CPU that the process may use
---@param count integer # 0 to 128
function setWorkers(count) end

---Linux capabilities that are kept after start-up
---@param capabilities string|string[]
function addCapabilitiesToRetain(capabilities) end

---Call a function for every answered name and every name above, children before their parents
---@param visitor function # function(node, self, all): counts of the name itself, and with everything below
---@param seconds? integer # how far to look back; 0: as far as the ring goes; at least 0
function statNodeRespRing(visitor, seconds) end

---The data of an SVCB or HTTPS record; besides the keys below, key and a number for any other as bytes
---@param priority integer # 0: an alias; 0 to 65535
---@param target DNSName|string # name of the service; a dot for the owner
---@param params? any
---@return SVCRecordParameters
function newSVCRecordParameters(priority, target, params) end

---Print the figures of TCP, of listeners and backends
function showTCPStats() end

---Log what the TCP connections of all workers are doing
function requestTCPStatesDump() end

---The key of TCP Fast Open of all listeners, so that several machines share it
---@param key string # four hexadecimal numbers with '-' between
function setTCPFastOpenKey(key) end

---Print the names most asked for
---@param top? integer # rows; the others are summed up; at least 0
---@param labels? integer # count names by their last labels alone; at least 0
function topQueries(top, labels) end

---The rows of topQueries(): name, count, percentage
---@param top integer # rows; the others are summed up; at least 0
---@param labels? integer # count names by their last labels alone; at least 0
---@return { [1]: string, [2]: integer, [3]: number }[]
function getTopQueries(top, labels) end

---Print the names most answered with an rcode
---@param top? integer # rows; the others are summed up; at least 0
---@param rcode? integer # 0 to 15
---@param labels? integer # count names by their last labels alone; at least 0
function topResponses(top, rcode, labels) end

---The rows of topResponses()
---@param top integer # rows; the others are summed up; at least 0
---@param rcode integer # 0 to 15
---@param labels? integer # count names by their last labels alone; at least 0
---@return { [1]: string, [2]: integer, [3]: number }[]
function getTopResponses(top, rcode, labels) end

---Print the names most answered slowly; time-outs do not count
---@param top? integer # rows; the others are summed up; at least 0
---@param limit? integer # at least 0
---@param labels? integer # count names by their last labels alone; at least 0
function topSlow(top, limit, labels) end

---The rows of topSlow(), or of topTimeouts()
---@param top integer # rows; the others are summed up; at least 0
---@param limit integer # at least 0
---@param labels? integer # count names by their last labels alone; at least 0
---@param timeouts? boolean # the time-outs instead
---@return { [1]: string, [2]: integer, [3]: number }[]
function getSlowResponses(top, limit, labels, timeouts) end

---Print the names whose queries timed out most
---@param top? integer # rows; the others are summed up; at least 0
---@param labels? integer # count names by their last labels alone; at least 0
function topTimeouts(top, labels) end

---Print the clients that asked most
---@param top? integer # rows; the others are summed up; at least 0
function topClients(top) end

---Print the clients with most bytes of queries and answers
---@param top? integer # rows; the others are summed up; at least 0
function topBandwidth(top) end

---The rows of topBandwidth(): client, bytes, percentage
---@param top integer # rows; the others are summed up; at least 0
---@return { [1]: string, [2]: integer, [3]: number }[]
function getTopBandwidth(top) end

---Print a histogram of the latencies of recent answers
function showResponseLatency() end

---Run Lua source on a thread of its own, in a state with the standard libraries and submitToMainThread(); again 5 seconds after it ends
---@param code string # source text
function newThread(code) end

---Resolve a name meanwhile, and call the function with it and its addresses
---@param host string # name or address
---@param callback function # function(host, {ComboAddress, ...})
function getAddressInfo(host, callback) end

---A certificate, for listeners
---@param path string
---@param options? table
---@return TLSCertificate
function newTLSCertificate(path, options) end

---Read all certificates again
function reloadAllCertificates() end

---Use this ticket key on all listeners
---@param key string
function loadTicketsKey(key) end

---Load an engine of the TLS library
---@param name string
---@param default? string
function loadTLSEngine(name, default) end

---Load a provider of the TLS library
---@param name string
function loadTLSProvider(name) end

---Write an OCSP response signed by a local authority
---@param cert string
---@param caCert string
---@param caKey string
---@param out string
---@param days integer # 0 to 2147483647
---@param minutes integer # 0 to 2147483647
function generateOCSPResponse(cert, caCert, caKey, out, days, minutes) end

---TLS sessions kept for backends
---@return integer
function getOutgoingTLSSessionCacheSize() end

---TLS sessions kept for each backend
---@param num integer # at least 0
function setOutgoingTLSSessionsCacheMaxTicketsPerBackend(num) end

---Interval of looking for old ones
---@param seconds integer # at least 0
function setOutgoingTLSSessionsCacheCleanupDelay(seconds) end

---How long they are kept
---@param seconds integer # at least 0
function setOutgoingTLSSessionsCacheMaxTicketValidity(seconds) end

---A function to be called for each new ticket key
---@param hook function
function setTicketsKeyAddedHook(hook) end

---Idle DNS-over-HTTPS connections kept to each backend
---@param num integer # at least 0
function setMaxIdleDoHConnectionsPerDownstream(num) end

---Interval of looking for idle ones
---@param seconds integer # at least 0
function setDoHDownstreamCleanupInterval(seconds) end

---How long idle ones are kept
---@param seconds integer # at least 0
function setDoHDownstreamMaxIdleTime(seconds) end

---Log the state of DNS-over-HTTPS connections to backends
function requestDoHStatesDump() end

---Write the keys of a provider
---@param publicFile string
---@param privateFile string
function generateDNSCryptProviderKeys(publicFile, privateFile) end

---Write a certificate and its key
---@param providerPrivate string
---@param certFile string
---@param keyFile string
---@param serial integer # 0 to 4294967295
---@param begin integer # 0 to 4294967295
---@param end integer # 0 to 4294967295
---@param version? integer # 1 to 2
function generateDNSCryptCertificate(providerPrivate, certFile, keyFile, serial, begin, end, version) end

---Print the fingerprint of a provider
---@param publicFile string
function printDNSCryptProviderFingerprint(publicFile) end

---An eBPF filter for sockets
---@param options table
---@return BPFFilter
function newBPFFilter(options) end

---Entries of a filter that expire
---@param filter BPFFilter
---@return DynBPFFilter
function newDynBPFFilter(filter) end

---Use a filter on all listeners
---@param filter BPFFilter
function setDefaultBPFFilter(filter) end

---Show a filter in the API
---@param filter DynBPFFilter
function registerDynBPFFilter(filter) end

---Show it no longer
---@param filter DynBPFFilter
function unregisterDynBPFFilter(filter) end

---Block addresses in a filter for some time
---@param addresses any
---@param filter DynBPFFilter
---@param seconds? integer # 1 to 4294967295
---@param msg? string
function addBPFFilterDynBlocks(addresses, filter, seconds, msg) end

---An AF_XDP socket
---@param options table
---@return XskSocket
function newXsk(options) end

---Listen for DNS over TLS; port 853 unless given
---@param address string # address and port
---@param certFile any # file, TLSCertificate, or a list of them
---@param keyFile string|string[] # file or files of the keys
---@param options? table
function addTLSLocal(address, certFile, keyFile, options) end

---Listen for DNS over HTTPS; port 443 unless given
---@param address string # address and port
---@param certFile? any
---@param keyFile? string|string[]
---@param urls? string|string[]
---@param options? table
function addDOHLocal(address, certFile, keyFile, urls, options) end

---Listen for DNS over HTTP/3; port 443 unless given
---@param address string # address and port
---@param certFile any # file, TLSCertificate, or a list of them
---@param keyFile string|string[] # file or files of the keys
---@param options? table
function addDOH3Local(address, certFile, keyFile, options) end

---Listen for DNS over QUIC; port 853 unless given
---@param address string # address and port
---@param certFile any # file, TLSCertificate, or a list of them
---@param keyFile string|string[] # file or files of the keys
---@param options? table
function addDOQLocal(address, certFile, keyFile, options) end

---Listen for DNSCrypt; port 443 unless given
---@param address string # address and port
---@param provider string # name of the provider
---@param certFile string|string[] # file or files of certificates
---@param keyFile string|string[] # file or files of the keys
---@param options? table
function addDNSCryptBind(address, provider, certFile, keyFile, options) end

---A fixed answer for the paths that match
---@param regex string
---@param status integer # 100 to 599
---@param content string
---@param headers? table<string, string>
---@return DOHResponseMapEntry
function newDOHResponseMapEntry(regex, status, content, headers) end

---A DNS-over-TLS listener
---@param index integer # position, from 0
---@return TLSFrontend
function getTLSFrontend(index) end

---Number of DNS-over-TLS listeners
---@return integer
function getTLSFrontendCount() end

---Print the DNS-over-TLS listeners
function showTLSFrontends() end

---Print why TLS handshakes failed
function showTLSErrorCounters() end

---A DNS-over-HTTPS listener
---@param index integer # position, from 0
---@return DOHFrontend
function getDOHFrontend(index) end

---Number of DNS-over-HTTPS listeners
---@return integer
function getDOHFrontendCount() end

---Print the DNS-over-HTTPS listeners
function showDOHFrontends() end

---Print how often they gave which HTTP status
function showDOHResponseCodes() end

---A DNS-over-HTTP/3 listener
---@param index integer # position, from 0
---@return DOH3Frontend
function getDOH3Frontend(index) end

---Number of DNS-over-HTTP/3 listeners
---@return integer
function getDOH3FrontendCount() end

---Print the DNS-over-HTTP/3 listeners
function showDOH3Frontends() end

---A DNS-over-QUIC listener
---@param index integer # position, from 0
---@return DOQFrontend
function getDOQFrontend(index) end

---Number of DNS-over-QUIC listeners
---@return integer
function getDOQFrontendCount() end

---Print the DNS-over-QUIC listeners
function showDOQFrontends() end

---Print the DNSCrypt listeners
function showDNSCryptBinds() end

---The context of a DNSCrypt listener
---@param index integer # position, from 0
---@return DNSCryptContext
function getDNSCryptBind(index) end

---Number of DNSCrypt listeners
---@return integer
function getDNSCryptBindCount() end

---Serve metrics, API and dashboard here
---@param address string
function webserver(address) end

---Credentials, ACL and options of the web server
---@param options table
function setWebserverConfig(options) end

---The configuration of the web server
---@return string
function showWebserverConfig() end

---Allow changes through the API
---@param allow boolean
---@param dir? string
function setAPIWritable(allow, dir) end

---Serve a path with a function
---@param path string
---@param handler function
function registerWebHandler(path, handler) end

---Interval of asking for the security status
---@param seconds integer # at least 1
function setSecurityPollInterval(seconds) end

---Zone that is asked; empty: none
---@param suffix string
function setSecurityPollSuffix(suffix) end

---Print the security status
function showSecurityStatus() end

---Send metrics to a Carbon server; port 2003 unless given
---@param address string
---@param ourname? string
---@param interval? integer # 0 to 4294967295
---@param namespace? string
---@param instance? string
function carbonServer(address, ourname, interval, namespace, instance) end

---Serve SNMP through an agent
---@param enableTraps boolean
---@param socket? string
function snmpAgent(enableTraps, socket) end

---Send an SNMP trap
---@param message string
function sendCustomTrap(message) end

---Allow tracing of queries
---@param enabled boolean
function setOpenTelemetryTracing(enabled) end

---Where protobuf messages are sent, over TCP
---@param address string
---@param timeout? integer # 1 to 65535
---@param maxQueuedEntries? integer # 1 to 4294967295
---@param reconnectWaitTime? integer # 0 to 255
---@param connectionCount? integer # 1 to 65535
---@return RemoteLogger
function newRemoteLogger(address, timeout, maxQueuedEntries, reconnectWaitTime, connectionCount) end

---Where dnstap is sent, over a UNIX socket
---@param path string
---@param options? table
---@return RemoteLogger
function newFrameStreamUnixLogger(path, options) end

---Where dnstap is sent, over TCP
---@param address string
---@param options? table
---@return RemoteLogger
function newFrameStreamTcpLogger(address, options) end

---A store in a CDB file
---@param file string
---@param refreshDelay integer # 0 to 4294967295
---@return KeyValueStore
function newCDBKVStore(file, refreshDelay) end

---A store in an LMDB file
---@param file string
---@param db string
---@param noLock? boolean
---@return KeyValueStore
function newLMDBKVStore(file, db, noLock) end

---The key is the name asked for
---@param wireFormat? boolean
---@return KeyValueLookupKey
function KeyValueLookupKeyQName(wireFormat) end

---Keys are the name asked for and those above it
---@param minLabels? integer # 0 to 127
---@param wireFormat? boolean
---@return KeyValueLookupKey
function KeyValueLookupKeySuffix(minLabels, wireFormat) end

---The key is the address of the client
---@param v4Mask? integer # 0 to 32
---@param v6Mask? integer # 0 to 128
---@param includePort? boolean
---@return KeyValueLookupKey
function KeyValueLookupKeySourceIP(v4Mask, v6Mask, includePort) end

---The key is the value of a tag
---@param tag string
---@return KeyValueLookupKey
function KeyValueLookupKeyTag(tag) end

---A policy that asks a function
---@param name string # name of the policy
---@param choose function # function(servers, dq) that returns the index of a server, counted from 1, or nil
---@return ServerPolicy
function newServerPolicy(name, choose) end

---Make a policy that asks a function the default of all pools
---@param name string # name of the policy
---@param choose function # function(servers, dq) that returns the index of a server, counted from 1, or nil
function setServerPolicyLua(name, choose) end

---Give a pool a policy that asks a function
---@param name string # name of the policy
---@param choose function # function(servers, dq) that returns the index of a server, counted from 1, or nil
---@param pool string # name of the pool; made if it does not exist
function setPoolServerPolicyLua(name, choose, pool) end

---Make a policy that asks an FFI function the default of all pools
---@param name string # name of the policy
---@param choose function # function(servers, dq) on FFI handles that returns the index of a server, counted from 0
function setServerPolicyLuaFFI(name, choose) end

---The same with a function of a state of each thread, without a lock
---@param name string # name of the policy
---@param code string # source text that returns such a function
function setServerPolicyLuaFFIPerThread(name, code) end

---Give a pool a policy that asks an FFI function
---@param name string # name of the policy
---@param choose function # function(servers, dq) on FFI handles that returns the index of a server, counted from 0
---@param pool string # name of the pool; made if it does not exist
function setPoolServerPolicyLuaFFI(name, choose, pool) end

---The same with a function of a state of each thread, without a lock
---@param name string # name of the policy
---@param code string # source text that returns such a function
---@param pool string # name of the pool; made if it does not exist
function setPoolServerPolicyLuaFFIPerThread(name, code, pool) end

---Answer SERVFAIL instead of dropping the query when no backend can be selected
---@param servfail_when_no_server boolean # Answer SERVFAIL instead of dropping the query when no backend can be selected
function setServFailWhenNoServer(servfail_when_no_server) end

---Make roundrobin return no server when all are down
---@param round_robin_fail boolean # Make roundrobin return no server when all are down
function setRoundRobinFailOnNoServer(round_robin_fail) end

---Bounded-load factor for wrandom, whashed and orderedWrandUntag; 0 disables, otherwise at least 1
---@param weighted_balancing_factor number # Bounded-load factor for wrandom, whashed and orderedWrandUntag; 0 disables, otherwise at least 1; 0, or at least 1
function setWeightedBalancingFactor(weighted_balancing_factor) end

---Bounded-load factor for chashed; 0 disables, otherwise at least 1
---@param consistent_balancing_factor number # Bounded-load factor for chashed; 0 disables, otherwise at least 1; 0, or at least 1
function setConsistentHashingBalancingFactor(consistent_balancing_factor) end

---Fixed seed of the name hash used by whashed and chashed; 0 draws a random one at start
---@param hash_perturbation integer # Fixed seed of the name hash used by whashed and chashed; 0 draws a random one at start; 0 to 4294967295
function setWHashedPerturbation(hash_perturbation) end

---Serve entries expired for less than this when no backend is available
---@param stale_cache_ttl_s integer # Serve entries expired for less than this when no backend is available; 0 to 4294967295
function setStaleCacheEntriesTTL(stale_cache_ttl_s) end

---Interval between purges of expired cache entries
---@param cache_cleaning_delay_s integer # Interval between purges of expired cache entries; 1 to 4294967295
function setCacheCleaningDelay(cache_cleaning_delay_s) end

---Share of the cache a purge tries to free
---@param cache_cleaning_percentage integer # Share of the cache a purge tries to free; 0 to 100
function setCacheCleaningPercentage(cache_cleaning_percentage) end

---How long a Lua function may take for a query before it is ended with an error; commands and maintenance() have 30 times as long
---@param script_budget_ms integer # How long a Lua function may take for a query before it is ended with an error; commands and maintenance() have 30 times as long; 1 to 4294967295
function setScriptBudget(script_budget_ms) end

---Also check the client address of a PROXY header against the ACL
---@param proxy_apply_acl boolean # Also check the client address of a PROXY header against the ACL
function setProxyProtocolApplyACLToProxiedClients(proxy_apply_acl) end

---Largest PROXY header accepted
---@param proxy_maximum_size integer # Largest PROXY header accepted; 16 to 65535
function setProxyProtocolMaximumPayloadSize(proxy_maximum_size) end

---Replace a client subnet already present when adding ours
---@param ecs_override boolean # Replace a client subnet already present when adding ours
function setECSOverride(ecs_override) end

---Client-subnet prefix for IPv4 clients, 32 at most
---@param ecs_prefix_v4 integer # Client-subnet prefix for IPv4 clients, 32 at most; 0 to 32
function setECSSourcePrefixV4(ecs_prefix_v4) end

---Client-subnet prefix for IPv6 clients, 128 at most
---@param ecs_prefix_v6 integer # Client-subnet prefix for IPv6 clients, 128 at most; 0 to 128
function setECSSourcePrefixV6(ecs_prefix_v6) end

---Add an OPT record to self-made answers when the query had one
---@param edns_on_self_answers boolean # Add an OPT record to self-made answers when the query had one
function setAddEDNSToSelfGeneratedResponses(edns_on_self_answers) end

---Overwrite the question name of answers with the exact bytes of the query
---@param fixup_case boolean # Overwrite the question name of answers with the exact bytes of the query
function fixupCase(fixup_case) end

---Remove all records from TC=1 answers sent over UDP
---@param truncate_tc boolean # Remove all records from TC=1 answers sent over UDP
function truncateTC(truncate_tc) end

---Accept NOERROR and NXDOMAIN answers without a question from backends
---@param allow_empty_response boolean # Accept NOERROR and NXDOMAIN answers without a question from backends
function setAllowEmptyResponse(allow_empty_response) end

---Drop queries without a question instead of answering NOTIMP
---@param drop_empty_queries boolean # Drop queries without a question instead of answering NOTIMP
function setDropEmptyQueries(drop_empty_queries) end

---Log console connections opening and closing
---@param console_logging boolean # Log console connections opening and closing
function setConsoleConnectionsLogging(console_logging) end

---Simultaneous console clients; 0 is unlimited
---@param console_max_connections integer # Simultaneous console clients; 0 is unlimited; 0 to 4294967295
function setConsoleMaximumConcurrentConnections(console_max_connections) end

---Largest console message accepted by either side
---@param console_max_message integer # Largest console message accepted by either side; 256 to 4294967295
function setConsoleOutputMaxMsgSize(console_max_message) end

---Queries allowed on one client connection; 0 is unlimited
---@param tcp_max_queries integer # Queries allowed on one client connection; 0 is unlimited; 0 to 4294967295
function setMaxTCPQueriesPerConnection(tcp_max_queries) end

---Life of a client connection; 0 is unlimited
---@param tcp_max_duration_s integer # Life of a client connection; 0 is unlimited; 0 to 4294967295
function setMaxTCPConnectionDuration(tcp_max_duration_s) end

---Simultaneous connections per client range; 0 is unlimited
---@param tcp_max_per_client integer # Simultaneous connections per client range; 0 is unlimited; 0 to 4294967295
function setMaxTCPConnectionsPerClient(tcp_max_per_client) end

---New connections per second and client range; 0 is unlimited
---@param tcp_max_rate_per_client integer # New connections per second and client range; 0 is unlimited; 0 to 4294967295
function setMaxTCPConnectionRatePerClient(tcp_max_rate_per_client) end

---Full TLS handshakes per second and client range; 0 is unlimited
---@param tls_max_new_rate integer # Full TLS handshakes per second and client range; 0 is unlimited; 0 to 4294967295
function setMaxTLSNewSessionRatePerClient(tls_max_new_rate) end

---Resumed TLS handshakes per second and client range; 0 is unlimited
---@param tls_max_resumed_rate integer # Resumed TLS handshakes per second and client range; 0 is unlimited; 0 to 4294967295
function setMaxTLSResumedSessionRatePerClient(tls_max_resumed_rate) end

---Averaging window of the connection rates
---@param tcp_rate_interval_min integer # Averaging window of the connection rates; 1 to 4294967295
function setTCPConnectionRateInterval(tcp_rate_interval_min) end

---Read events allowed to obtain one query; 0 is unlimited
---@param tcp_max_read_ios integer # Read events allowed to obtain one query; 0 is unlimited; 0 to 4294967295
function setMaxTCPReadIOsPerQuery(tcp_max_read_ios) end

---Ban after too many read events
---@param ban_read_ios_s integer # Ban after too many read events; 0 to 4294967295
function setBanDurationForExceedingMaxReadIOsPerQuery(ban_read_ios_s) end

---Ban after exceeding a connection rate
---@param ban_rate_s integer # Ban after exceeding a connection rate; 0 to 4294967295
function setBanDurationForExceedingTCPTLSRate(ban_rate_s) end

---Client ranges for IPv4 connection limits
---@param tcp_mask_v4 integer # Client ranges for IPv4 connection limits; 0 to 32
function setTCPConnectionsMaskV4(tcp_mask_v4) end

---Client ranges for IPv6 connection limits
---@param tcp_mask_v6 integer # Client ranges for IPv6 connection limits; 0 to 128
function setTCPConnectionsMaskV6(tcp_mask_v6) end

---Port bits used in the IPv4 ranges
---@param tcp_mask_v4_port integer # Port bits used in the IPv4 ranges; 0 to 16
function setTCPConnectionsMaskV4Port(tcp_mask_v4_port) end

---Share of a connection limit above which new connections are restricted; 0 disables
---@param tcp_overload_percent integer # Share of a connection limit above which new connections are restricted; 0 disables; 0 to 100
function setTCPConnectionsOverloadThreshold(tcp_overload_percent) end

---Client read time-out; 0 is none
---@param tcp_recv_timeout_s integer # Client read time-out; 0 is none; 0 to 65535
function setTCPRecvTimeout(tcp_recv_timeout_s) end

---Client write time-out; 0 is none
---@param tcp_send_timeout_s integer # Client write time-out; 0 is none; 0 to 65535
function setTCPSendTimeout(tcp_send_timeout_s) end

---Idle backend connections kept per backend and worker
---@param tcp_max_idle_upstream integer # Idle backend connections kept per backend and worker; 0 to 4294967295
function setMaxCachedTCPConnectionsPerDownstream(tcp_max_idle_upstream) end

---Interval of the idle backend connection scan
---@param tcp_upstream_scan_s integer # Interval of the idle backend connection scan; 1 to 4294967295
function setTCPDownstreamCleanupInterval(tcp_upstream_scan_s) end

---Idle life of a backend connection
---@param tcp_upstream_idle_s integer # Idle life of a backend connection; 0 to 4294967295
function setTCPDownstreamMaxIdleTime(tcp_upstream_idle_s) end

---Wait for the answer of a UDP backend
---@param udp_timeout_s integer # Wait for the answer of a UDP backend; 1 to 255
function setUDPTimeout(udp_timeout_s) end

---Queries in flight per backend over UDP
---@param udp_max_outstanding integer # Queries in flight per backend over UDP; 1 to 65536
function setMaxUDPOutstanding(udp_max_outstanding) end

---Random choice among a backend's UDP sockets instead of taking turns
---@param udp_random_sockets boolean # Random choice among a backend's UDP sockets instead of taking turns
function setRandomizedOutgoingSockets(udp_random_sockets) end

---Log health check failures
---@param verbose_health_checks boolean # Log health check failures
function setVerboseHealthChecks(verbose_health_checks) end

---Count queries per name
---@param query_count boolean # Count queries per name
function setQueryCount(query_count) end

---Look rules up by name, suffix, client and type instead of walking every chain rule by rule; beyond the dialect. What rules do is the same
---@param rule_index boolean # Look rules up by name, suffix, client and type instead of walking every chain rule by rule; beyond the dialect. What rules do is the same
function setRuleIndex(rule_index) end

---Append a rule to the query chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSAction # what then
---@param options? table
function addAction(rule, action, options) end

---Rule of the query chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getRule(rule) end

---Action of a rule of the query chain
---@param position integer
---@return DNSAction
function getAction(position) end

---Print the query chain
---@param options? table
function showRules(options) end

---Remove rules of the query chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmRule(rule) end

---Move a rule of the query chain in front of another
---@param from integer
---@param to integer
function mvRule(from, to) end

---Move the last rule of the query chain to the front
function mvRuleToTop() end

---Replace the query chain
---@param rules table
function setRules(rules) end

---Empty the query chain
function clearRules() end

---Table of the most matched rules of the query chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topRules(top, options) end

---The most matched rules of the query chain
---@param top? integer # at least 0
---@return table
function getTopRules(top) end

---Append a rule to the cache-miss chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSAction # what then
---@param options? table
function addCacheMissAction(rule, action, options) end

---Rule of the cache-miss chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getCacheMissRule(rule) end

---Action of a rule of the cache-miss chain
---@param position integer
---@return DNSAction
function getCacheMissAction(position) end

---Print the cache-miss chain
---@param options? table
function showCacheMissRules(options) end

---Remove rules of the cache-miss chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmCacheMissRule(rule) end

---Move a rule of the cache-miss chain in front of another
---@param from integer
---@param to integer
function mvCacheMissRule(from, to) end

---Move the last rule of the cache-miss chain to the front
function mvCacheMissRuleToTop() end

---Replace the cache-miss chain
---@param rules table
function setCacheMissRules(rules) end

---Empty the cache-miss chain
function clearCacheMissRules() end

---Table of the most matched rules of the cache-miss chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topCacheMissRules(top, options) end

---The most matched rules of the cache-miss chain
---@param top? integer # at least 0
---@return table
function getTopCacheMissRules(top) end

---Append a rule to the response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addResponseAction(rule, action, options) end

---Rule of the response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getResponseRule(rule) end

---Print the response chain
---@param options? table
function showResponseRules(options) end

---Remove rules of the response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmResponseRule(rule) end

---Move a rule of the response chain in front of another
---@param from integer
---@param to integer
function mvResponseRule(from, to) end

---Move the last rule of the response chain to the front
function mvResponseRuleToTop() end

---Replace the response chain
---@param rules table
function setResponseRules(rules) end

---Empty the response chain
function clearResponseRules() end

---Table of the most matched rules of the response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topResponseRules(top, options) end

---The most matched rules of the response chain
---@param top? integer # at least 0
---@return table
function getTopResponseRules(top) end

---Append a rule to the cache-hit response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addCacheHitResponseAction(rule, action, options) end

---Rule of the cache-hit response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getCacheHitResponseRule(rule) end

---Print the cache-hit response chain
---@param options? table
function showCacheHitResponseRules(options) end

---Remove rules of the cache-hit response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmCacheHitResponseRule(rule) end

---Move a rule of the cache-hit response chain in front of another
---@param from integer
---@param to integer
function mvCacheHitResponseRule(from, to) end

---Move the last rule of the cache-hit response chain to the front
function mvCacheHitResponseRuleToTop() end

---Replace the cache-hit response chain
---@param rules table
function setCacheHitResponseRules(rules) end

---Empty the cache-hit response chain
function clearCacheHitResponseRules() end

---Table of the most matched rules of the cache-hit response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topCacheHitResponseRules(top, options) end

---The most matched rules of the cache-hit response chain
---@param top? integer # at least 0
---@return table
function getTopCacheHitResponseRules(top) end

---Append a rule to the cache-inserted response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addCacheInsertedResponseAction(rule, action, options) end

---Rule of the cache-inserted response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getCacheInsertedResponseRule(rule) end

---Print the cache-inserted response chain
---@param options? table
function showCacheInsertedResponseRules(options) end

---Remove rules of the cache-inserted response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmCacheInsertedResponseRule(rule) end

---Move a rule of the cache-inserted response chain in front of another
---@param from integer
---@param to integer
function mvCacheInsertedResponseRule(from, to) end

---Move the last rule of the cache-inserted response chain to the front
function mvCacheInsertedResponseRuleToTop() end

---Replace the cache-inserted response chain
---@param rules table
function setCacheInsertedResponseRules(rules) end

---Empty the cache-inserted response chain
function clearCacheInsertedResponseRules() end

---Table of the most matched rules of the cache-inserted response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topCacheInsertedResponseRules(top, options) end

---The most matched rules of the cache-inserted response chain
---@param top? integer # at least 0
---@return table
function getTopCacheInsertedResponseRules(top) end

---Append a rule to the self-answered response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addSelfAnsweredResponseAction(rule, action, options) end

---Rule of the self-answered response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getSelfAnsweredResponseRule(rule) end

---Print the self-answered response chain
---@param options? table
function showSelfAnsweredResponseRules(options) end

---Remove rules of the self-answered response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmSelfAnsweredResponseRule(rule) end

---Move a rule of the self-answered response chain in front of another
---@param from integer
---@param to integer
function mvSelfAnsweredResponseRule(from, to) end

---Move the last rule of the self-answered response chain to the front
function mvSelfAnsweredResponseRuleToTop() end

---Replace the self-answered response chain
---@param rules table
function setSelfAnsweredResponseRules(rules) end

---Empty the self-answered response chain
function clearSelfAnsweredResponseRules() end

---Table of the most matched rules of the self-answered response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topSelfAnsweredResponseRules(top, options) end

---The most matched rules of the self-answered response chain
---@param top? integer # at least 0
---@return table
function getTopSelfAnsweredResponseRules(top) end

---Append a rule to the XFR response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addXFRResponseAction(rule, action, options) end

---Rule of the XFR response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getXFRResponseRule(rule) end

---Print the XFR response chain
---@param options? table
function showXFRResponseRules(options) end

---Remove rules of the XFR response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmXFRResponseRule(rule) end

---Move a rule of the XFR response chain in front of another
---@param from integer
---@param to integer
function mvXFRResponseRule(from, to) end

---Move the last rule of the XFR response chain to the front
function mvXFRResponseRuleToTop() end

---Replace the XFR response chain
---@param rules table
function setXFRResponseRules(rules) end

---Empty the XFR response chain
function clearXFRResponseRules() end

---Table of the most matched rules of the XFR response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topXFRResponseRules(top, options) end

---The most matched rules of the XFR response chain
---@param top? integer # at least 0
---@return table
function getTopXFRResponseRules(top) end

---Append a rule to the timeout response chain
---@param rule DNSRule|DNSName|DNSName[]|string|string[] # when
---@param action DNSResponseAction # what then
---@param options? table
function addTimeoutResponseAction(rule, action, options) end

---Rule of the timeout response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
---@return rule
function getTimeoutResponseRule(rule) end

---Print the timeout response chain
---@param options? table
function showTimeoutResponseRules(options) end

---Remove rules of the timeout response chain by position, UUID or name
---@param rule integer|string # position, UUID or name
function rmTimeoutResponseRule(rule) end

---Move a rule of the timeout response chain in front of another
---@param from integer
---@param to integer
function mvTimeoutResponseRule(from, to) end

---Move the last rule of the timeout response chain to the front
function mvTimeoutResponseRuleToTop() end

---Replace the timeout response chain
---@param rules table
function setTimeoutResponseRules(rules) end

---Empty the timeout response chain
function clearTimeoutResponseRules() end

---Table of the most matched rules of the timeout response chain
---@param top? integer # at least 0
---@param options? table
---@return string
function topTimeoutResponseRules(top, options) end

---The most matched rules of the timeout response chain
---@param top? integer # at least 0
---@return table
function getTopTimeoutResponseRules(top) end

---Always matches
---@return DNSRule
function AllRule() end

---All rules of the list match, tried up to the first that does not; an empty list always matches
---@param rules DNSRule[] # the rules to combine
---@return DNSRule
function AndRule(rules) end

---At least one rule of the list matches, tried up to the first that does; an empty list never matches
---@param rules DNSRule[] # the rules to combine
---@return DNSRule
function OrRule(rules) end

---Matches when the rule does not
---@param rule DNSRule # the rule to invert
---@return DNSRule
function NotRule(rule) end

---CD is set in the header or DO in EDNS
---@return DNSRule
function DNSSECRule() end

---The query was sent to this port
---@param port integer # port; 1 to 65535
---@return DNSRule
function DSTPortRule(port) end

---The packet carries this EDNS option
---@param code integer # EDNSOptionCode; 0 to 65535
---@return DNSRule
function EDNSOptionRule(code) end

---There is an OPT record of a version above this one
---@param version integer # EDNS version; 0 to 255
---@return DNSRule
function EDNSVersionRule(version) end

---The extended rcode is this one; never without an OPT record
---@param rcode integer # DNSRCode; 0 to 255
---@return DNSRule
function ERCodeRule(rcode) end

---A header of a DNS-over-HTTPS request matches a POSIX extended expression, in any casing
---@param name string # name of the header
---@param regex string # regular expression
---@return DNSRule
function HTTPHeaderRule(name, regex) end

---The path of a DNS-over-HTTPS request matches a POSIX extended expression, in any casing
---@param regex string # regular expression
---@return DNSRule
function HTTPPathRegexRule(regex) end

---The path of a DNS-over-HTTPS request is exactly this one
---@param path string # the path
---@return DNSRule
function HTTPPathRule(path) end

---The query arrived over this protocol
---@param protocol string # DoUDP, DoTCP, DNSCryptUDP, DNSCryptTCP, DoT, DoH, DoQ or DoH3
---@return DNSRule
function IncomingProtocolRule(protocol) end

---One of the keys is in the store
---@param kvs KeyValueStore # the store
---@param key KeyValueLookupKey # how keys are made from a query
---@return DNSRule
function KeyValueStoreLookupRule(kvs, key) end

---A range of the store covers one of the keys
---@param kvs KeyValueStore # the store
---@param key KeyValueLookupKey # how keys are made from a query
---@return DNSRule
function KeyValueStoreRangeLookupRule(kvs, key) end

---The client's range has sent more queries per second than this
---@param qps integer # limit of a range; 1 to 4294967295
---@param v4Mask? integer # size of IPv4 ranges; 0 to 32
---@param v6Mask? integer # size of IPv6 ranges; 0 to 128
---@param burst? integer # burst of a range; qps when not given; 1 to 4294967295
---@param expiration? integer # a range not seen for this long starts afresh; 1 to 4294967295
---@param cleanupDelay? integer # accepted; places of idle ranges are free at once, nothing is swept
---@param scanFraction? integer # accepted, as cleanupDelay
---@param shards? integer # independently locked parts of the table, at most 256; 1 to 4294967295
---@return DNSRule
function MaxQPSIPRule(qps, v4Mask, v6Mask, burst, expiration, cleanupDelay, scanFraction, shards) end

---Matches while there are fewer queries per second than this, all clients together
---@param qps integer # limit; 1 to 4294967295
---@param burst? integer # burst; qps when not given; 1 to 4294967295
---@return DNSRule
function MaxQPSRule(qps, burst) end

---The source (or destination) address is in the group
---@param group NetmaskGroup|string|string[] # NetmaskGroup, a netmask, or a list of netmasks
---@param src? boolean # false: look at the destination
---@param quiet? boolean # do not list the group in tables
---@return DNSRule
function NetmaskGroupRule(group, src, quiet) end

---The opcode of the header is this one
---@param code integer # DNSOpcode; 0 to 15
---@return DNSRule
function OpcodeRule(code) end

---The DNS message has a size in this relation to a number
---@param comparison string # equal, greater, greaterOrEqual, smaller or smallerOrEqual
---@param size integer # size to compare with; 0 to 65535
---@return DNSRule
function PayloadSizeRule(comparison, size) end

---The pool has a server that is up; if there is no such pool the query is dropped
---@param pool string # name of the pool
---@return DNSRule
function PoolAvailableRule(pool) end

---More queries than this are in flight to the pool's servers; if there is no such pool the query is dropped
---@param pool string # name of the pool
---@param limit integer # queries in flight; at least 0
---@return DNSRule
function PoolOutstandingRule(pool, limit) end

---Matches at random
---@param probability number # from 0, never, to 1, always; 0 to 1
---@return DNSRule
function ProbaRule(probability) end

---A value of that type came with the PROXY header, this very one if it is given
---@param type integer # type of the value, 0 to 255; 0 to 255
---@param value? string # any bytes
---@return DNSRule
function ProxyProtocolValueRule(type, value) end

---The class asked for is this one
---@param class integer # DNSClass; 0 to 65535
---@return DNSRule
function QClassRule(class) end

---The name asked for is this one, in any casing
---@param name DNSName|string # name
---@return DNSRule
function QNameRule(name) end

---The name asked for is a member of the set, of which a copy is taken
---@param set DNSNameSet # set made by newDNSNameSet()
---@return DNSRule
function QNameSetRule(set) end

---The name asked for is one of these or below one of them
---@param suffixes SuffixMatchNode|DNSName|string|string[] # SuffixMatchNode, a name, or a list of names
---@param quiet? boolean # do not list the names in tables
---@return DNSRule
function QNameSuffixRule(suffixes, quiet) end

---Older name of QNameSuffixRule
---@param suffixes SuffixMatchNode|DNSName|string|string[] # SuffixMatchNode, a name, or a list of names
---@param quiet? boolean # do not list the names in tables
---@return DNSRule
function SuffixMatchNodeRule(suffixes, quiet) end

---The name asked for has fewer labels than min or more than max
---@param min integer # matches below this; 0 to 4294967295
---@param max integer # matches above this; 0 to 4294967295
---@return DNSRule
function QNameLabelsCountRule(min, max) end

---The wire form of the name asked for is shorter than min or longer than max bytes
---@param min integer # matches below this; 0 to 4294967295
---@param max integer # matches above this; 0 to 4294967295
---@return DNSRule
function QNameWireLengthRule(min, max) end

---The type asked for is this one
---@param type integer|string # DNSQType, number or name
---@return DNSRule
function QTypeRule(type) end

---The rcode of the header, its 4 bits alone, is this one
---@param rcode integer # DNSRCode; 0 to 15
---@return DNSRule
function RCodeRule(rcode) end

---Recursion is desired
---@return DNSRule
function RDRule() end

---The whole name asked for (without its final dot) matches, casing counts; an invalid one never does
---@param regex string # regular expression
---@return DNSRule
function RE2Rule(regex) end

---The header announces so many records in a section
---@param section integer # DNSSection; 0 to 3
---@param min integer # least number of records; 0 to 65535
---@param max integer # greatest number of records; 0 to 65535
---@return DNSRule
function RecordsCountRule(section, min, max) end

---There are so many records of a type in a section
---@param section integer # DNSSection; 0 to 3
---@param type integer # DNSQType; 0 to 65535
---@param min integer # least number of records; 0 to 65535
---@param max integer # greatest number of records; 0 to 65535
---@return DNSRule
function RecordsTypeCountRule(section, type, min, max) end

---A POSIX extended expression, in any casing, is found in the name asked for (without its final dot)
---@param regex string # regular expression
---@return DNSRule
function RegexRule(regex) end

---The client asked for exactly this server name in its TLS handshake
---@param name string # server name
---@return DNSRule
function SNIRule(name) end

---The tag is set, to this value if one is given
---@param name string # name of the tag
---@param value? string # its value
---@return DNSRule
function TagRule(name, value) end

---The query arrived over a stream, or not; all but plain and DNSCrypt UDP are streams
---@param tcp boolean # false: matches datagrams
---@return DNSRule
function TCPRule(tcp) end

---Bytes remain behind the last record
---@return DNSRule
function TrailingDataRule() end

---The function says true of the query; an error says no
---@param match function # function(dq) that returns a boolean
---@return DNSRule
function LuaRule(match) end

---The FFI function says true of the query; an error says no
---@param function function # function(dq) that returns a boolean
---@return DNSRule
function LuaFFIRule(function) end

---The FFI function, of a state of each thread and without a lock, says true of the query; an error says no
---@param code string # source text that returns a function(dq) that returns a boolean
---@return DNSRule
function LuaFFIPerThreadRule(code) end

---Stop the rules and continue with the query
---@return DNSAction
function AllowAction() end

---Run another action for its effect, then go on with the next rule whatever it decided
---@param action DNSAction # the action to run
---@return DNSAction
function ContinueAction(action) end

---Delay the answer to a client that uses UDP; goes on
---@param ms integer # how long the answer waits, at most 65535; datagrams only; 0 to 65535
---@return DNSAction
function DelayAction(ms) end

---Drop the query
---@return DNSAction
function DropAction() end

---Send the query as dnstap; goes on
---@param identity string # identity of the server
---@param logger RemoteLogger # where to
---@param alter? function # function that may change the message
---@return DNSAction
function DnstapLogAction(identity, logger, alter) end

---Answer with an extended rcode; without EDNS in the query its low 4 bits alone are sent
---@param rcode integer # DNSRCode; 0 to 4095
---@param options? table # header bits
---@return DNSAction
function ERCodeAction(rcode, options) end

---Answer a DNS-over-HTTPS request with an HTTP status; other queries go on
---@param status integer # HTTP status; 100 to 599
---@param body string # body, or the URL of a redirection
---@param contentType? string # its type
---@param options? table # header bits
---@return DNSAction
function HTTPStatusAction(status, body, contentType, options) end

---Put the first value found in a store into a tag; goes on
---@param kvs KeyValueStore # the store
---@param key KeyValueLookupKey # how keys are made from a query
---@param destinationTag string # tag that gets the value
---@return DNSAction
function KeyValueStoreLookupAction(kvs, key, destinationTag) end

---Put the value of the range that covers a key into a tag; goes on
---@param kvs KeyValueStore # the store
---@param key KeyValueLookupKey # how keys are made from a query
---@param destinationTag string # tag that gets the value
---@return DNSAction
function KeyValueStoreRangeLookupAction(kvs, key, destinationTag) end

---Log the query to a file (binary or text) or to the log; goes on
---@param file? string # path; empty: the log
---@param binary? boolean # compact records instead of text, to a file
---@param append? boolean # keep what the file holds
---@param buffered? boolean # write when a buffer is full
---@param verboseOnly? boolean # to the log: in verbose mode only
---@param includeTimestamp? boolean # with the time of arrival
---@return DNSAction
function LogAction(file, binary, append, buffered, verboseOnly, includeTimestamp) end

---Answer that the name, or its type, does not exist, with a SOA record
---@param nxd boolean # true: the name does not exist; false: it has no such type
---@param zone DNSName|string # owner of the SOA record
---@param ttl integer # TTL of the SOA record; 0 to 2147483647
---@param mname DNSName|string # primary server
---@param rname DNSName|string # mailbox of who is responsible
---@param serial integer # serial number; 0 to 4294967295
---@param refresh integer # interval of secondaries' refreshes; 0 to 4294967295
---@param retry integer # interval after a failed refresh; 0 to 4294967295
---@param expire integer # when secondaries give up; 0 to 4294967295
---@param minimum integer # how long the denial may be cached; 0 to 4294967295
---@param options? table # header bits, place of the SOA
---@return DNSAction
function NegativeAndSOAAction(nxd, zone, ttl, mname, rname, serial, refresh, retry, expire, minimum, options) end

---Do nothing; goes on
---@return DNSAction
function NoneAction() end

---Select the pool; stops the rules unless stop is false
---@param pool string # name of the pool
---@param stop? boolean # whether the chain ends here
---@return DNSAction
function PoolAction(pool, stop) end

---Drop what is over the limit; what is under it goes on
---@param limit integer # limit; 1 to 4294967295
---@return DNSAction
function QPSAction(limit) end

---Select the pool while under the limit; over it just go on
---@param limit integer # limit; 1 to 4294967295
---@param pool string # name of the pool
---@param stop? boolean # whether the chain ends here
---@return DNSAction
function QPSPoolAction(limit, pool, stop) end

---Answer with an rcode and no records; its low 4 bits are sent
---@param rcode integer # DNSRCode; 0 to 15
---@param options? table # header bits
---@return DNSAction
function RCodeAction(rcode, options) end

---Send the query as protobuf; goes on
---@param logger RemoteLogger # where to
---@param alter? function # function that may change the message
---@param options? table # what to tell
---@param metas? table<string, string> # what else to export
---@return DNSAction
function RemoteLogAction(logger, alter, options, metas) end

---Add a value to those that go to a backend with the PROXY header; goes on
---@param type integer # type of the value, 0 to 255; 0 to 255
---@param value string # any bytes
---@return DNSAction
function SetAdditionalProxyProtocolValueAction(type, value) end

---Do not add client subnet to this query; goes on
---@return DNSAction
function SetDisableECSAction() end

---Set CD; goes on
---@return DNSAction
function SetDisableValidationAction() end

---Send this network as the client subnet instead of the client's; goes on
---@param v4 string # network, for all clients if it is alone
---@param v6? string # for IPv6 clients
---@return DNSAction
function SetECSAction(v4, v6) end

---Whether a client subnet that came with the query is replaced; goes on
---@param override boolean # true: replace it
---@return DNSAction
function SetECSOverrideAction(override) end

---Client-subnet prefix lengths for this query; goes on
---@param v4 integer # for IPv4 clients; 0 to 32
---@param v6 integer # for IPv6 clients; 0 to 128
---@return DNSAction
function SetECSPrefixLengthAction(v4, v6) end

---Add an EDNS option to the query, or replace it; goes on
---@param code integer # EDNSOptionCode; 0 to 65535
---@param data string # its value, any bytes
---@return DNSAction
function SetEDNSOptionAction(code, data) end

---Attach an extended error to the answer to come, if that has EDNS; goes on
---@param infoCode integer # RFC 8914 code; 0 to 65535
---@param extraText? string # text for humans
---@param clearExistingEntries? boolean # remove errors that were attached before
---@return DNSAction
function SetExtendedDNSErrorAction(infoCode, extraText, clearExistingEntries) end

---Add the client's link address, if the kernel knows it, as an EDNS option; goes on
---@param code integer # EDNSOptionCode; 0 to 65535
---@return DNSAction
function SetMacAddrAction(code) end

---Cap the TTLs of the answer after it was cached; goes on
---@param max integer # largest TTL that the client sees; 0 to 4294967295
---@return DNSAction
function SetMaxReturnedTTLAction(max) end

---Clear RD; goes on
---@return DNSAction
function SetNoRecurseAction() end

---Replace the values that go to a backend with the PROXY header; goes on
---@param values table<string, string> # bytes by type
---@return DNSAction
function SetProxyProtocolValuesAction(values) end

---Neither look the query up in the cache nor insert its answer; goes on
---@return DNSAction
function SetSkipCacheAction() end

---Set or overwrite a tag, kept until the answer is sent; goes on
---@param name string # name of the tag
---@param value string # its value
---@return DNSAction
function SetTagAction(name, value) end

---How long a ServFail or Refused answer to this query is cached; goes on
---@param ttl integer # 0: not cached; 0 to 2147483647
---@return DNSAction
function SetTempFailureCacheTTLAction(ttl) end

---Switch tracing of the query on or off; goes on
---@param value boolean # on or off
---@param options? table # how to trace
---@return DNSAction
function SetTraceAction(value, options) end

---Send an SNMP trap; goes on
---@param message? string # text of the trap
---@return DNSAction
function SNMPTrapAction(message) end

---Answer A, AAAA and ANY with these addresses; other types, or a family without an address, go on
---@param ip string|string[] # address, or list of addresses
---@param options? table # header bits and TTL
---@return DNSAction
function SpoofAction(ip, options) end

---Answer any type with one CNAME
---@param name DNSName|string # what the name asked for is an alias of
---@param options? table # header bits and TTL
---@return DNSAction
function SpoofCNAMEAction(name, options) end

---Answer with this packet; its id alone is adapted
---@param packet string # the whole message
---@param len integer # its length, at least 12
---@return DNSAction
function SpoofPacketAction(packet, len) end

---Answer with records of the type asked for, their data given as bytes
---@param rdata string|string[] # data of one record, or a list
---@param options? table # header bits, TTL, type for ANY
---@return DNSAction
function SpoofRawAction(rdata, options) end

---Answer SVCB and HTTPS with these records, and with the addresses that they hint at; other types go on
---@param svcParams table # list of what newSVCRecordParameters() made
---@param options? table # header bits and TTL
---@return DNSAction
function SpoofSVCAction(svcParams, options) end

---Answer with TC=1 over UDP; over TCP goes on
---@return DNSAction
function TCAction() end

---Send a copy of queries that came over UDP to somebody else, and count the answers; goes on
---@param remote string # where to; port 53 unless given
---@param addECS? boolean # with the client's subnet
---@param local? string # address to send from
---@param addProxyProtocol? boolean # with a PROXY header
---@return DNSAction
function TeeAction(remote, addECS, local, addProxyProtocol) end

---Remove a tag; goes on
---@param name string # name of the tag
---@return DNSAction
function UnsetTagAction(name) end

---Stop the rules and let the answer go
---@return DNSResponseAction
function AllowResponseAction() end

---Remove the records of these types; goes on
---@param types integer|integer[] # DNSQType, or a list; 0 to 65535
---@return DNSResponseAction
function ClearRecordTypesResponseAction(types) end

---Delay the answer to a client that uses UDP; goes on
---@param ms integer # how long the answer waits, at most 65535; datagrams only; 0 to 65535
---@return DNSResponseAction
function DelayResponseAction(ms) end

---Send the answer as dnstap; goes on
---@param identity string # identity of the server
---@param logger RemoteLogger # where to
---@param alter? function # function that may change the message
---@return DNSResponseAction
function DnstapLogResponseAction(identity, logger, alter) end

---Drop the answer
---@return DNSResponseAction
function DropResponseAction() end

---Bring the TTLs, of all types or of some, between two limits; goes on
---@param min integer # smallest TTL; 0 to 2147483647
---@param max integer # largest TTL; 0 to 4294967295
---@param types? integer|integer[] # list of DNSQType; all when not given; 0 to 65535
---@return DNSResponseAction
function LimitTTLResponseAction(min, max, types) end

---Log the answer as text to a file or to the log; goes on
---@param file? string # path; empty: the log
---@param append? boolean # keep what the file holds
---@param buffered? boolean # write when a buffer is full
---@param verboseOnly? boolean # to the log: in verbose mode only
---@param includeTimestamp? boolean # with the time of arrival
---@return DNSResponseAction
function LogResponseAction(file, append, buffered, verboseOnly, includeTimestamp) end

---Send the answer as protobuf; goes on
---@param logger RemoteLogger # where to
---@param alter? function # function that may change the message
---@param includeCNAME? boolean # with CNAME records
---@param options? table # what to tell
---@param metas? table<string, string> # what else to export
---@param delay? boolean # after the client got its answer
---@return DNSResponseAction
function RemoteLogResponseAction(logger, alter, includeCNAME, options, metas, delay) end

---Add an EDNS option to the answer, or replace it; goes on
---@param code integer # EDNSOptionCode; 0 to 65535
---@param data string # its value, any bytes
---@return DNSResponseAction
function SetEDNSOptionResponseAction(code, data) end

---Attach an extended error to the answer, if that has EDNS; goes on
---@param infoCode integer # RFC 8914 code; 0 to 65535
---@param extraText? string # text for humans
---@param clearExistingEntries? boolean # remove errors that were attached before
---@return DNSResponseAction
function SetExtendedDNSErrorResponseAction(infoCode, extraText, clearExistingEntries) end

---Cap the TTLs of the answer after it was cached; goes on
---@param max integer # largest TTL that the client sees; 0 to 4294967295
---@return DNSResponseAction
function SetMaxReturnedTTLResponseAction(max) end

---Lower larger TTLs, before the answer is cached; goes on
---@param max integer # largest TTL; 0 to 4294967295
---@return DNSResponseAction
function SetMaxTTLResponseAction(max) end

---Raise smaller TTLs; goes on
---@param min integer # smallest TTL; 0 to 2147483647
---@return DNSResponseAction
function SetMinTTLResponseAction(min) end

---Scale the TTLs; goes on
---@param percentage integer # what is left of them; 0 to 100
---@return DNSResponseAction
function SetReducedTTLResponseAction(percentage) end

---Do not insert this answer into the cache; goes on
---@return DNSResponseAction
function SetSkipCacheResponseAction() end

---Set or overwrite a tag; goes on
---@param name string # name of the tag
---@param value string # its value
---@return DNSResponseAction
function SetTagResponseAction(name, value) end

---Send an SNMP trap; goes on
---@param message? string # text of the trap
---@return DNSResponseAction
function SNMPTrapResponseAction(message) end

---Remove the records and set TC=1 for clients that use UDP; over TCP goes on
---@return DNSResponseAction
function TCResponseAction() end

---Remove a tag; goes on
---@param name string # name of the tag
---@return DNSResponseAction
function UnsetTagResponseAction(name) end

---Do what the function returns; an error answers ServFail
---@param act function # function(dq) that returns a DNSAction, and perhaps a string
---@return DNSAction
function LuaAction(act) end

---Do what the FFI function returns; an error answers ServFail
---@param function function # function(dq) that returns a DNSAction; its text is given to dnsdist_ffi_dnsquestion_set_result()
---@return DNSAction
function LuaFFIAction(function) end

---Do what the FFI function, of a state of each thread and without a lock, returns; an error answers ServFail
---@param code string # source text that returns a function(dq) that returns a DNSAction; its text is given to dnsdist_ffi_dnsquestion_set_result()
---@return DNSAction
function LuaFFIPerThreadAction(code) end

---Do what the FFI function, of a state of each thread and without a lock, returns; an error makes the rcode ServFail
---@param code string # source text that returns a function(dr) that returns a DNSResponseAction
---@return DNSResponseAction
function LuaFFIPerThreadResponseAction(code) end

---Do what the FFI function returns; an error makes the rcode ServFail
---@param function function # function(dr) that returns a DNSResponseAction
---@return DNSResponseAction
function LuaFFIResponseAction(function) end

---Do what the function returns; an error makes the rcode ServFail
---@param act function # function(dr) that returns a DNSResponseAction, and perhaps a string
---@return DNSResponseAction
function LuaResponseAction(act) end
