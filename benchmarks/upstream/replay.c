// All upstreams of the shop on one port, answering from a tape so cheaply that they are never the bottleneck.
//
//   replay PORT TAPE PRODUCTS
//
// The tape (written by tape.py) holds fragments of JSON that the sandbox answered, one per key. An answer is
// those fragments put together. A shop of any size is the recorded one repeated: every six-digit number after
// a `-` in a fragment (p-000017, LUM-000017-03) is moved by the number of its copy, and the number after `cust-`
// and `acc-` becomes the asking customer's. PRODUCTS must be a multiple of the recorded number.
//
// Paths are those of docs/contracts behind the name of the upstream: POST /pricing/v1/prices/batch.
// GET /control/stats, /control/reset, /control/latency?pricing.prices=30&stock.products=-1 (ms; -1 never answers).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define OBSERVED "{\"observedAt\":\"2026-11-21T12:00:00+03:00\","
enum { TIERS = 5, MAX_REQUEST = 1 << 20, MAX_ANSWER = 16 << 20 };

// ---- Fragments ----------------------------------------------------------------------------------

typedef struct { uint32_t at; uint32_t number; } Patch;  // `number` 0: the asking customer's
typedef struct { char *key; char *bytes; uint32_t size; Patch *patches; uint32_t patched; } Fragment;

static Fragment *table;
static uint32_t table_mask, recorded, products;

static uint32_t hash_of(const char *key) {
  uint32_t hash = 2166136261u;
  for (; *key; key++) hash = (hash ^ (uint8_t)*key) * 16777619u;
  return hash;
}

static Fragment *slot_of(const char *key) {
  uint32_t at = hash_of(key) & table_mask;
  while (table[at].key && strcmp(table[at].key, key)) at = (at + 1) & table_mask;
  return &table[at];
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

// A run of exactly six digits at `p`, as a number; -1 when there is none.
static int six_digits(const char *p, const char *end) {
  int number = 0;
  if (end - p < 6) return -1;
  for (int i = 0; i < 6; i++) { if (!is_digit(p[i])) return -1; number = number * 10 + p[i] - '0'; }
  return end - p > 6 && is_digit(p[6]) ? -1 : number;
}

static int ends_with(const char *from, const char *to, const char *word) {
  size_t size = strlen(word);
  return (size_t)(to - from) >= size && !memcmp(to - size, word, size);
}

static void find_patches(Fragment *f) {
  const char *end = f->bytes + f->size;
  for (const char *p = f->bytes; p < end; p++) {
    int number = *p == '-' ? six_digits(p + 1, end) : -1;
    if (number < 0) continue;
    int is_customer = ends_with(f->bytes, p + 1, "cust-") || ends_with(f->bytes, p + 1, "acc-");
    f->patches = realloc(f->patches, (f->patched + 1) * sizeof(Patch));
    f->patches[f->patched++] = (Patch){p + 1 - f->bytes, is_customer ? 0 : number};
  }
}

static void read_tape(const char *name) {
  FILE *tape = fopen(name, "rb");
  uint32_t entries, size;
  char key[256];
  if (!tape || fscanf(tape, "TAPE %u %u\n", &recorded, &entries) != 2) { fprintf(stderr, "replay: expected a tape, got %s\n", name); exit(1); }
  for (table_mask = 1; table_mask < entries * 2; table_mask *= 2) {}
  table = calloc(table_mask--, sizeof(Fragment));
  while (fscanf(tape, "%255s %u\n", key, &size) == 2) {
    Fragment *f = slot_of(key);
    *f = (Fragment){strdup(key), malloc(size + 1), size, NULL, 0};
    if (fread(f->bytes, 1, size, tape) != size) { fprintf(stderr, "replay: expected %u bytes of %s, got fewer\n", size, key); exit(1); }
    f->bytes[size] = 0;
    find_patches(f);
  }
  fclose(tape);
}

// ---- The answer under way -----------------------------------------------------------------------

static char answer[MAX_ANSWER];
static uint32_t answered;
static int is_first_item;

static void put(const char *bytes, uint32_t size) { memcpy(answer + answered, bytes, size); answered += size; }
static void text(const char *words) { put(words, strlen(words)); }

static void say(const char *format, ...) {
  va_list values;
  va_start(values, format);
  answered += vsnprintf(answer + answered, 4096, format, values);
  va_end(values);
}

static void item(void) { if (!is_first_item) put(",", 1); is_first_item = 0; }

static void put_fragment(const Fragment *f, uint32_t shift, uint32_t customer) {
  char *at = answer + answered;
  put(f->bytes, f->size);
  for (uint32_t i = 0; i < f->patched; i++) {
    uint32_t number = f->patches[i].number ? f->patches[i].number + shift : customer;
    for (int digit = 5; digit >= 0; digit--, number /= 10) at[f->patches[i].at + digit] = '0' + number % 10;
  }
}

// Add the fragment with this key to the list under way; an unknown key adds nothing.
static int add(uint32_t shift, uint32_t customer, const char *format, ...) {
  char key[256];
  va_list values;
  va_start(values, format);
  vsnprintf(key, sizeof key, format, values);
  va_end(values);
  Fragment *f = slot_of(key);
  if (!f->key) return 0;
  item();
  put_fragment(f, shift, customer);
  return 1;
}

// ---- Reading requests ---------------------------------------------------------------------------

typedef struct { const char *at, *end; } Span;
typedef struct { int number, base, shift, variant; } Named;  // a product or a variant that a request names

static Named named_by(int number) {
  int base = (number - 1) % (int)recorded + 1;
  return (Named){number, base, number - base, 0};
}

// The next product or sku in the span: six digits after a `-`, then perhaps `-` and two digits.
static int next_named(Span *body, Named *found) {
  for (const char *p = body->at; p < body->end; p++) {
    int number = *p == '-' ? six_digits(p + 1, body->end) : -1;
    if (number < 1 || number > (int)products || ends_with(body->at, p + 1, "cust-")) continue;
    *found = named_by(number);
    if (body->end - p > 9 && p[7] == '-' && is_digit(p[8]) && is_digit(p[9])) found->variant = (p[8] - '0') * 10 + p[9] - '0';
    body->at = p + 7;
    return 1;
  }
  return 0;
}

// What follows `"name":` in the span; NULL when it is not there.
static const char *value_of(Span in, const char *name) {
  char quoted[64];
  int size = snprintf(quoted, sizeof quoted, "\"%s\"", name);
  const char *p = memmem(in.at, in.end - in.at, quoted, size);
  if (!p) return NULL;
  for (p += size; p < in.end && (*p == ':' || *p == ' '); p++) {}
  return p;
}

static int number_of(Span in, const char *name, const char *before, int otherwise) {
  const char *p = value_of(in, name);
  size_t size = strlen(before);
  if (!p || (size_t)(in.end - p) <= size || memcmp(p, before, size) || !is_digit(p[size])) return otherwise;
  return atoi(p + size);
}

// The elements of the list `"name": [{...}, {...}]`, one by one; `rest` begins as the whole body.
static int next_object(Span *rest, Span *object) {
  const char *from = memchr(rest->at, '{', rest->end - rest->at);
  if (!from) return 0;
  int depth = 0, quoted = 0;
  for (const char *p = from; p < rest->end; p++) {
    if (*p == '"' && p[-1] != '\\') quoted = !quoted;
    if (quoted) continue;
    depth += (*p == '{') - (*p == '}');
    if (!depth) { *object = (Span){from, p + 1}; rest->at = p + 1; return 1; }
  }
  return 0;
}

static Span list_of(Span body, const char *name) {
  const char *p = value_of(body, name);
  return p && *p == '[' ? (Span){p, body.end} : (Span){body.end, body.end};
}

// ---- Upstreams ----------------------------------------------------------------------------------

typedef struct { Span body; int customer, tier; } Asked;
typedef uint32_t (*Answerer)(Asked asked);

static uint32_t catalogue_products(Asked asked) {
  uint32_t items = 0;
  Named n;
  text(OBSERVED "\"products\":[");
  while (next_named(&asked.body, &n)) items += add(n.shift, 0, "product|%d", n.base);
  text("]}");
  return items;
}

static void one_listing(int listing, int first) {
  say("{\"hits\":[");
  for (int i = 0; i < first; i++) {
    int number = 1 + (int)(((uint64_t)listing * 24 + i) % products);
    say("%s{\"productId\":\"p-%06d\",\"cursor\":\"c%d\",\"trackingToken\":\"s.%d.%d.%d\"}", i ? "," : "", number, i + 1, listing, number, i + 1);
  }
  say("],\"totalCount\":1000,\"page\":{\"hasNextPage\":true,\"hasPreviousPage\":false,\"startCursor\":\"c1\",\"endCursor\":\"c%d\"},\"facets\":", first);
  put_fragment(slot_of("facets"), 0, 0);
  text(",\"correctedQuery\":null,\"redirectUrl\":null}");
}

static uint32_t search_listings(Asked asked) {
  uint32_t items = 0;
  Span rest = list_of(asked.body, "queries"), query;
  text(OBSERVED "\"listings\":[");
  while (next_object(&rest, &query)) { item(); one_listing(number_of(query, "text", "\"q", 0), number_of(query, "first", "", 24)); items++; }
  text("]}");
  return items;
}

static uint32_t by_sku(Asked asked, const char *list, const char *kind, int is_personal) {
  uint32_t items = 0;
  Named n;
  say(OBSERVED "\"%s\":[", list);
  while (next_named(&asked.body, &n)) {
    if (is_personal) items += add(n.shift, asked.customer, "%s|%d|%d|%d", kind, asked.tier, n.base, n.variant);
    else items += add(n.shift, 0, "%s|%d|%d", kind, n.base, n.variant);
  }
  text("]}");
  return items;
}

static uint32_t pricing_prices(Asked asked) { return by_sku(asked, "prices", "price", 1); }
static uint32_t loyalty_estimates(Asked asked) { return by_sku(asked, "estimates", "estimate", 1); }
static uint32_t stock_availability(Asked asked) { return by_sku(asked, "items", "availability", 0); }
static uint32_t stock_locations(Asked asked) { return by_sku(asked, "results", "stock_at", 0); }
static uint32_t delivery_promises(Asked asked) { return by_sku(asked, "promises", "promise", 0); }

static uint32_t by_product(Asked asked, const char *kind, int is_personal, uint32_t *promotions) {
  uint32_t items = 0;
  Span rest = list_of(asked.body, "products"), product;
  Named n;
  while (next_object(&rest, &product)) {
    const char *id = value_of(product, "id");
    Span named = {id ? id : product.end, product.end};
    if (!next_named(&named, &n)) continue;
    if (!is_personal) { items += add(n.shift, 0, "%s|%d", kind, n.base); continue; }
    items += add(n.shift, asked.customer, "%s|%d|%d", kind, asked.tier, n.base);
    char key[64];
    snprintf(key, sizeof key, "promotions_of|%d|%d", asked.tier, n.base);
    Fragment *mentioned = slot_of(key);
    if (mentioned->key) *promotions |= strtoul(mentioned->bytes, NULL, 10);
  }
  return items;
}

static uint32_t pricing_products(Asked asked) {
  uint32_t promotions = 0;
  text(OBSERVED "\"products\":[");
  uint32_t items = by_product(asked, "range", 1, &promotions);
  text("],\"promotions\":[");
  is_first_item = 1;
  for (int i = 0; i < 32; i++) if (promotions & 1u << i) add(0, 0, "promotion|%d", i);
  text("]}");
  return items;
}

static uint32_t pricing_promotions(Asked asked) {
  (void)asked;
  text(OBSERVED "\"promotions\":[");
  uint32_t items = 0;
  for (int i = 0; i < 32; i++) items += add(0, 0, "promotion|%d", i);
  text("]}");
  return items;
}

static uint32_t stock_products(Asked asked) {
  text(OBSERVED "\"products\":[");
  uint32_t items = by_product(asked, "in_stock", 0, NULL);
  text("]}");
  return items;
}

static uint32_t of_customer(Asked asked, const char *list, const char *kind) {
  say(OBSERVED "\"%s\":[", list);
  uint32_t items = add(0, asked.customer, "%s|%d", kind, asked.tier);
  text("]}");
  return items;
}

static uint32_t loyalty_accounts(Asked asked) { return of_customer(asked, "accounts", "account"); }
static uint32_t customers_customers(Asked asked) { return of_customer(asked, "customers", "customer"); }

static uint32_t recommendations_blocks(Asked asked) {
  uint32_t items = 0, copies = products / recorded;
  Span rest = list_of(asked.body, "blocks"), block;
  Named n;
  text(OBSERVED "\"blocks\":[");
  while (next_object(&rest, &block)) {
    const char *placement = value_of(block, "placement"), *product = value_of(block, "productId");
    Span named = {product ? product : block.end, block.end};
    if (next_named(&named, &n)) items += add(n.shift, 0, "block|similar|%d", n.base);
    else if (placement && !strncmp(placement, "\"home_personal", 14)) items += add(asked.customer % copies * recorded, 0, "block|personal|%d", asked.tier);
    else items += add(0, 0, "block|popular");
  }
  text("]}");
  return items;
}

static uint32_t delivery_locations(Asked asked) {
  uint32_t items = 0;
  Span ids = list_of(asked.body, "ids");
  text(OBSERVED "\"locations\":[");
  for (const char *p = ids.at; p < ids.end && *p != ']'; p++) {
    if (*p != '"') continue;
    const char *close = memchr(p + 1, '"', ids.end - p - 1);
    if (!close) break;
    items += add(0, 0, "location|%.*s", (int)(close - p - 1), p + 1);
    p = close;
  }
  text("]}");
  return items;
}

// ---- Endpoints, their latencies and what is counted ---------------------------------------------

typedef struct Connection {
  int fd, is_busy, is_dead, waits_to_write;
  char *in, *out;
  uint32_t in_size, in_room, out_size, out_room, out_sent;
} Connection;

typedef struct { uint64_t due; Connection *who; } Pending;
typedef struct {
  const char *name, *path;
  Answerer answer;
  double latency_ms;
  uint64_t calls, items;
  Pending *queue;
  uint32_t head, tail, room;  // a ring; all of an endpoint's answers wait equally long, so it is in order
} Endpoint;

static Endpoint endpoints[] = {
  {"catalogue.products", "/catalogue/v1/products/batch", catalogue_products, 15, 0, 0, 0, 0, 0, 0},
  {"search.listings", "/search/v1/listings/batch", search_listings, 10, 0, 0, 0, 0, 0, 0},
  {"pricing.prices", "/pricing/v1/prices/batch", pricing_prices, 30, 0, 0, 0, 0, 0, 0},
  {"pricing.products", "/pricing/v1/products/batch", pricing_products, 30, 0, 0, 0, 0, 0, 0},
  {"pricing.promotions", "/pricing/v1/promotions/batch", pricing_promotions, 30, 0, 0, 0, 0, 0, 0},
  {"stock.availability", "/stock/v1/availability/batch", stock_availability, 20, 0, 0, 0, 0, 0, 0},
  {"stock.products", "/stock/v1/products/batch", stock_products, 20, 0, 0, 0, 0, 0, 0},
  {"stock.locations", "/stock/v1/locations/batch", stock_locations, 20, 0, 0, 0, 0, 0, 0},
  {"loyalty.estimates", "/loyalty/v1/estimates/batch", loyalty_estimates, 25, 0, 0, 0, 0, 0, 0},
  {"loyalty.accounts", "/loyalty/v1/accounts/batch", loyalty_accounts, 25, 0, 0, 0, 0, 0, 0},
  {"recommendations.blocks", "/recommendations/v1/blocks/batch", recommendations_blocks, 40, 0, 0, 0, 0, 0, 0},
  {"delivery.promises", "/delivery/v1/promises/batch", delivery_promises, 80, 0, 0, 0, 0, 0, 0},
  {"delivery.locations", "/delivery/v1/locations/batch", delivery_locations, 10, 0, 0, 0, 0, 0, 0},
  {"customers.customers", "/customers/v1/customers/batch", customers_customers, 10, 0, 0, 0, 0, 0, 0},
};
enum { ENDPOINTS = sizeof endpoints / sizeof *endpoints };

static uint64_t refused;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void tell_stats(void) {
  text("{");
  for (int i = 0; i < ENDPOINTS; i++) say("\"%s\":{\"calls\":%lu,\"items\":%lu},", endpoints[i].name, endpoints[i].calls, endpoints[i].items);
  say("\"refused\":{\"calls\":%lu,\"items\":0}}", refused);
}

static int flush_out(Connection *c);

static void release_hanging(Endpoint *e) {
  for (; e->head != e->tail; e->head++) {
    Connection *c = e->queue[e->head % e->room].who;
    c->is_busy = 0;
    if (c->is_dead) { free(c->in); free(c->out); free(c); }
    else flush_out(c);
  }
}

static void set_latencies(Span query) {
  for (int i = 0; i < ENDPOINTS; i++) {
    Endpoint *e = &endpoints[i];
    const char *p = memmem(query.at, query.end - query.at, e->name, strlen(e->name));
    if (!p) continue;
    int was_hanging = e->latency_ms < 0;
    e->latency_ms = atof(p + strlen(e->name) + 1);
    if (was_hanging) release_hanging(e);
  }
}

static int is_path(Span path, const char *known) {
  return (size_t)(path.end - path.at) == strlen(known) && !memcmp(path.at, known, path.end - path.at);
}

// Write the answer's body; returns the endpoint that was asked, NULL for what is answered at once.
static Endpoint *answer_to(Span path, Span query, Span body, const char **status) {
  answered = 0;
  is_first_item = 1;
  int customer = 0;
  const char *who = memmem(body.at, body.end - body.at, "cust-", 5);
  if (who) customer = six_digits(who + 5, body.end);
  for (int i = 0; i < ENDPOINTS; i++) {
    Endpoint *e = &endpoints[i];
    if (!is_path(path, e->path)) continue;
    e->calls++;
    e->items += e->answer((Asked){body, customer < 0 ? 0 : customer, customer > 0 ? 1 + customer % (TIERS - 1) : 0});
    return e;
  }
  if (is_path(path, "/control/stats")) tell_stats();
  else if (is_path(path, "/control/reset")) { for (int i = 0; i < ENDPOINTS; i++) endpoints[i].calls = endpoints[i].items = 0; refused = 0; text("{}"); }
  else if (is_path(path, "/control/latency")) { set_latencies(query); text("{}"); }
  else if (is_path(path, "/jwks")) put_fragment(slot_of("jwks"), 0, 0);
  else if (ends_with(path.at, path.end, "/health")) text("{\"status\":\"ok\"}");
  else { refused++; *status = "404 Not Found"; text("{}"); fprintf(stderr, "replay: expected a known path, got %.*s\n", (int)(path.end - path.at), path.at); }
  return NULL;
}

// ---- HTTP ---------------------------------------------------------------------------------------

static int poller;

static void watch(Connection *c, int to_write) {
  struct epoll_event event = {.events = EPOLLIN | (to_write ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
  c->waits_to_write = to_write;
}

static void drop(Connection *c) {
  if (c->is_dead) return;
  c->is_dead = 1;
  close(c->fd);
  if (!c->is_busy) { free(c->in); free(c->out); free(c); }
}

static int flush_out(Connection *c) {
  while (c->out_sent < c->out_size) {
    ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) { if (!c->waits_to_write) watch(c, 1); return 0; }
    if (sent < 0) { drop(c); return -1; }
    c->out_sent += sent;
  }
  c->out_size = c->out_sent = 0;
  if (c->waits_to_write) watch(c, 0);
  return 0;
}

static void keep_answer(Connection *c, const char *status) {
  char head[192];
  uint32_t size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %u\r\n\r\n", status, answered);
  if (c->out_size + size + answered > c->out_room) { c->out_room = (c->out_size + size + answered) * 2; c->out = realloc(c->out, c->out_room); }
  memcpy(c->out + c->out_size, head, size);
  memcpy(c->out + c->out_size + size, answer, answered);
  c->out_size += size + answered;
}

static void keep_waiting(Endpoint *e, Connection *c) {
  if (e->tail - e->head == e->room) {
    uint32_t room = e->room ? e->room * 2 : 1024;
    Pending *queue = malloc(room * sizeof *queue);
    for (uint32_t i = e->head; i != e->tail; i++) queue[i % room] = e->queue[i % e->room];
    free(e->queue);
    e->queue = queue;
    e->room = room;
  }
  uint64_t due = e->latency_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)(e->latency_ms * 1e6);
  e->queue[e->tail++ % e->room] = (Pending){due, c};
  c->is_busy = 1;
}

static long body_size(Span head) {
  for (const char *p = head.at; (p = memchr(p, '\n', head.end - p)); ) {
    p++;
    if (head.end - p > 15 && !strncasecmp(p, "content-length:", 15)) return atol(p + 15);
    if (head.end - p > 18 && !strncasecmp(p, "transfer-encoding:", 18)) return -1;
  }
  return 0;
}

// Answer whatever whole requests have come; returns -1 when the connection is gone.
static int serve(Connection *c) {
  while (!c->is_busy && c->in_size) {
    char *blank = memmem(c->in, c->in_size, "\r\n\r\n", 4);
    if (!blank) return 0;
    long size = body_size((Span){c->in, blank + 2});
    if (size < 0 || size > MAX_REQUEST) { drop(c); return -1; }
    uint32_t whole = blank + 4 - c->in + size;
    if (c->in_size < whole) return 0;
    char *from = memchr(c->in, ' ', blank - c->in), *to = from ? memchr(from + 1, ' ', blank - from - 1) : NULL;
    if (!to) { drop(c); return -1; }
    char *mark = memchr(from + 1, '?', to - from - 1);
    const char *status = "200 OK";
    Endpoint *e = answer_to((Span){from + 1, mark ? mark : to}, (Span){mark ? mark : to, to}, (Span){blank + 4, c->in + whole}, &status);
    memmove(c->in, c->in + whole, c->in_size - whole);
    c->in_size -= whole;
    keep_answer(c, status);
    if (e && e->latency_ms) keep_waiting(e, c);
    else if (flush_out(c) < 0) return -1;
  }
  return 0;
}

static void take(Connection *c) {
  for (;;) {
    if (c->in_size == c->in_room) { c->in_room *= 2; c->in = realloc(c->in, c->in_room); }
    ssize_t got = recv(c->fd, c->in + c->in_size, c->in_room - c->in_size, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) { drop(c); return; }
    if (got < 0) break;
    c->in_size += got;
  }
  serve(c);
}

static void accept_all(int listening) {
  int fd, yes = 1;
  while ((fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Connection *c = calloc(1, sizeof *c);
    *c = (Connection){.fd = fd, .in = malloc(16384), .in_room = 16384};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

// Send what is due; returns when the next answer is due, UINT64_MAX when none is.
static uint64_t send_due(void) {
  uint64_t next = UINT64_MAX, now = now_ns();
  for (int i = 0; i < ENDPOINTS; i++) {
    Endpoint *e = &endpoints[i];
    while (e->head != e->tail) {
      Pending *first = &e->queue[e->head % e->room];
      if (first->due > now) { if (first->due < next) next = first->due; break; }
      Connection *c = first->who;
      e->head++;
      c->is_busy = 0;
      if (c->is_dead) { free(c->in); free(c->out); free(c); continue; }
      if (flush_out(c) == 0) serve(c);
    }
  }
  return next;
}

static int listen_at(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(fd, (void *)&address, size) || listen(fd, 4096)) { perror("replay"); exit(1); }
  getsockname(fd, (void *)&address, &size);
  printf("replay: %u products at http://127.0.0.1:%d\n", products, ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int count, char **words) {
  if (count != 4) { fprintf(stderr, "usage: replay PORT TAPE PRODUCTS\n"); return 2; }
  signal(SIGPIPE, SIG_IGN);
  read_tape(words[2]);
  products = atoi(words[3]);
  if (!products || products % recorded) { fprintf(stderr, "replay: expected PRODUCTS to be a multiple of %u, got %s\n", recorded, words[3]); return 2; }
  int listening = listen_at(atoi(words[1]));
  poller = epoll_create1(0);
  struct epoll_event own = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
  epoll_ctl(poller, EPOLL_CTL_ADD, listening, &own);
  for (;;) {
    uint64_t next = send_due(), now = now_ns();
    struct timespec wait = {(next - now) / 1000000000ull, (next - now) % 1000000000ull}, none = {0, 0};
    int ready = epoll_pwait2(poller, events, 256, next == UINT64_MAX ? NULL : next > now ? &wait : &none, NULL);
    for (int i = 0; i < ready; i++) {
      Connection *c = events[i].data.ptr;
      if (!c) accept_all(listening);
      else if (events[i].events & EPOLLOUT && flush_out(c) < 0) continue;
      else if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(c);
    }
  }
}
