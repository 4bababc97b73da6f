/* The state of the model, its properties, and what its steps consist of. */

#ifndef ENGINES
#define ENGINES 2
#endif
#ifndef KEYS
#define KEYS 2 /* each is revoked once, by whoever leads; again if the outcome was unknown */
#endif
#ifndef EPOCHS
#define EPOCHS 2 /* fences tried per row of the journal: epochs are 1 to EPOCHS */
#endif
#ifndef LEASE
#define LEASE 1 /* ticks */
#endif
#define ROWS (EPOCHS + KEYS)
#define SERVERS 2 /* 0 leads first; its standby, 1, after the promotion. 0 may go on without knowing */

#define KEY(k) (1 << (k)) /* sets of keys are bits, key 1 the second */
#define ROW(s, p) ((s) * (ROWS + 1) + (p))

/* --- PostgreSQL. Positions begin at 1; row 0 stands for an empty journal. A row with no key is a fence. */
byte row_epoch[SERVERS * (ROWS + 1)];
byte row_key[SERVERS * (ROWS + 1)];
byte length[SERVERS]; /* rows on this server */
byte synced[SERVERS]; /* rows that its standby has too; the others are lost by a promotion */
bool promoted;
#define newest_epoch(s) row_epoch[ROW(s, length[s])]
#ifdef WITHOUT_FENCE
byte leader[SERVERS]; /* a lease, and nothing else: the epoch in a row of its own, which a renewal writes */
#endif

/* --- Requests in flight, one an engine, and one that its engine has given up */
mtype:message = { none, sent, executed, done };
mtype:kind = { append, renewal, proof };
typedef Request {
  mtype:message state;
  mtype:kind kind;
  byte server;
  byte position; /* of an append: of its row */
  byte before;   /* the epoch of the row before it */
  byte epoch;    /* of an append: of its row; of a renewal: that it renews */
  byte key       /* of an append: 0 for a fence */
}
#define late ENGINES
Request request[ENGINES + 1];

#define at(i) request[i].server

/* --- Engines */
mtype:role = { idle, following, fencing, waiting, leading };
typedef Engine {
  mtype:role role;
  byte epoch;
  byte last;     /* the position of its last row */
  byte known;    /* keys that its projection has as revoked */
  byte lease;    /* ticks for which it may go on */
  byte promise;  /* ticks that the request in flight will be worth, counted from its sending */
  byte wait      /* ticks until the lease of its predecessor is over */
}
Engine engine[ENGINES];

/* --- What the outside knows */
byte acknowledged;              /* keys */
byte acknowledged_at[KEYS + 1]; /* positions */
byte served;                    /* the newest epoch whose leader has begun to serve */
#ifdef FOLLOWERS
byte promised[ENGINES];         /* keys whose revocation this engine has acknowledged, whatever its role then */
#endif

/* Engines are alike, and so are keys: engine 0 is the first to begin, key 1 the first to be revoked, and so on. */
byte begun;
byte asked;
#define may_begin(i) (engine[i].role == idle && request[i].state == none && i <= begun)
#define note_begin(i) begun = (i == begun -> i + 1 : begun)

/* A deposed leader stops at the end of its lease. */
#ifdef WITHOUT_LEASE
#define may_serve(i) (engine[i].role == leading)
#else
#define may_serve(i) (engine[i].role == leading && engine[i].lease > 0)
#endif

inline clear_request(i) {
  request[i].state = none;
  request[i].kind = append;
  request[i].server = 0;
  request[i].position = 0;
  request[i].before = 0;
  request[i].epoch = 0;
  request[i].key = 0
}

/* `keys` become those in the first `p` rows of server `s`. */
inline read_keys() {
  keys = 0;
  do
  :: p > 0 -> keys = keys | (row_key[ROW(s, p)] -> KEY(row_key[ROW(s, p)]) : 0); p--
  :: else -> break
  od
}

/* The compare-and-append, on rows that others may not see yet: the key of the table makes the second of two wait and fail. */
#ifdef WITHOUT_COMPARISON
#define fits(i) true
#else
#define fits(i) (request[i].position == length[at(i)] + 1 && request[i].before == newest_epoch(at(i)))
#endif
inline write_row(i) {
  assert(request[i].position == length[at(i)] + 1); /* P3: a gap, or a position twice */
  assert(request[i].epoch >= newest_epoch(at(i)));  /* P3: an epoch that goes back */
  length[at(i)] = request[i].position;
  row_epoch[ROW(at(i), request[i].position)] = request[i].epoch;
  row_key[ROW(at(i), request[i].position)] = request[i].key;
  k = request[i].position - 1;
  do
  :: k > 0 ->
     assert(request[i].key != row_key[ROW(at(i), k)] || request[i].key == 0 || at(i) != promoted); /* P3: twice in the journal */
     k--
  :: else -> break
  od
}

/* P1, P3: each acknowledged revocation is on the primary, where it was when it was acknowledged. */
inline check_journal() {
  k = 1;
  do
  :: k <= KEYS ->
     assert((acknowledged & KEY(k)) == 0 || row_key[ROW(promoted, acknowledged_at[k])] == k); /* P1: it is not there */
     k++
  :: else -> break
  od;
  k = 0
}

#define is_sent(i, what) (request[i].state == sent && request[i].kind == what)
/* A renewal compares its epoch with the newest row that it sees. A row that waits for the standby may be seen, or not. */
#ifdef WITHOUT_FENCE
#define renews(i) (request[i].epoch >= leader[at(i)])
#elif defined(RENEWED_BLINDLY)
#define renews(i) true
#else
#define renews(i) (newest_epoch(at(i)) == request[i].epoch || row_epoch[ROW(at(i), synced[at(i)])] == request[i].epoch)
#endif

/* A restart, a crash, a timer of its own, a lost connection: what was sent may arrive later, or never. */
inline step_down(i) {
  if
  :: request[i].state == sent && request[i].kind == append && request[late].state == none ->
     request[late].state = sent;
     request[late].server = request[i].server;
     request[late].position = request[i].position;
     request[late].before = request[i].before;
     request[late].epoch = request[i].epoch;
     request[late].key = request[i].key
  :: true
  fi;
  clear_request(i);
  engine[i].promise = 0;
  engine[i].role = idle;
  engine[i].epoch = 0;
  engine[i].last = 0;
  engine[i].known = 0;
  engine[i].lease = 0;
  engine[i].wait = 0
}

inline acknowledge(i) {
  p = length[promoted];
  do
  :: p > 0 && row_key[ROW(promoted, p)] != k -> p--
  :: else -> break
  od;
  assert(p > 0); /* P1: acknowledged, and not on the primary */
  assert(engine[i].epoch >= served); /* P16: a newer leader has served */
  acknowledged = acknowledged | KEY(k);
#ifdef FOLLOWERS
  promised[i] = promised[i] | KEY(k);
#endif
  acknowledged_at[k] = p;
  p = 0;
#ifdef REACHED
  assert(!(promoted && engine[i].epoch == EPOCHS && acknowledged == KEY(KEYS + 1) - 2)) /* none: this happens */
#endif
}

inline choose_server(s) {
  if
  :: s = 0
  :: promoted -> s = 1
  fi
}

inline send(i, what, s) {
  request[i].state = sent;
  request[i].kind = what;
  request[i].server = s;
  engine[i].promise = LEASE
}
