/* Several engines on one journal in PostgreSQL: see README.md for what this is a model of, and for its bounds.
 * Each action is one step (d_step or atomic); nothing forces an action to happen, so that every process may be paused and
 * every message delayed at any point, for any number of ticks. */

#include "state.pml"

/* --- An engine */
proctype Run(byte i) {
  byte s, t, p, k, keys;
end:
  do
  /* A candidate. When it tries is its own affair: whether the beat stood still only makes it likely to succeed. What it read
   * and where its fence goes may be two servers. */
  :: atomic {
       may_begin(i) || (engine[i].role == following && request[i].state == none) ->
       note_begin(i);
       choose_server(s);
       choose_server(t);
       p = length[s];
       read_keys();
#ifdef WITHOUT_FENCE
       if
       :: leader[s] < EPOCHS ->
          engine[i].epoch = leader[s] + 1;
          engine[i].last = length[s];
          engine[i].known = keys;
          engine[i].wait = LEASE;
          engine[i].role = waiting
       :: else
       fi;
#else
       if
       :: newest_epoch(s) < EPOCHS && length[s] < ROWS ->
          send(i, append, t);
          request[i].position = length[s] + 1;
          request[i].before = newest_epoch(s);
          request[i].epoch = newest_epoch(s) + 1;
          engine[i].role = fencing;
#ifdef WITHOUT_READING_AGAIN
          engine[i].known = keys;
#endif
       :: else
       fi;
#endif
       s = 0; t = 0; keys = 0
     }
  /* Its fence is durable: it reads everything before it, and waits for the end of the old lease. */
  :: d_step {
       engine[i].role == fencing && request[i].state == done ->
#ifndef WITHOUT_READING_AGAIN
       s = at(i); p = request[i].position; read_keys();
       engine[i].known = keys;
       s = 0; keys = 0;
#endif
       engine[i].epoch = request[i].epoch;
       engine[i].last = request[i].position;
       engine[i].lease = engine[i].promise;
#ifndef WITHOUT_WAIT
       engine[i].wait = LEASE;
#endif
       engine[i].role = waiting;
       clear_request(i);
       engine[i].promise = 0
     }
  :: d_step {
       engine[i].role == waiting && engine[i].wait == 0 ->
       engine[i].role = leading;
       if
       :: engine[i].epoch > served ->
          served = engine[i].epoch;
          assert((acknowledged & ~engine[i].known) == 0); /* P1: a leader that does not know what was acknowledged */
          check_journal()
       :: else /* a newer leader has served: this one's lease is over */
       fi
     }
  /* A round trip that keeps the lease. */
  :: atomic {
       (engine[i].role == waiting || engine[i].role == leading) && request[i].state == none ->
       choose_server(s);
       send(i, renewal, s);
       request[i].epoch = engine[i].epoch;
       s = 0
     }
  :: d_step {
       request[i].kind == renewal && request[i].state == done ->
#ifdef LEASE_FROM_THE_ANSWER
       engine[i].lease = LEASE;
#else
       engine[i].lease = (engine[i].promise > engine[i].lease -> engine[i].promise : engine[i].lease);
#endif
       clear_request(i);
       engine[i].promise = 0
     }
  /* Its answer is lost, or the request. */
  :: d_step { request[i].kind == renewal && request[i].state != none -> clear_request(i); engine[i].promise = 0 }
  /* A revocation. */
  :: atomic {
       may_serve(i) && request[i].state == none && engine[i].last < ROWS ->
       select(k : 1 .. KEYS);
       if
       :: (engine[i].known & KEY(k)) == 0 && k <= asked + 1 ->
          asked = (k > asked -> k : asked);
          choose_server(s);
          send(i, append, s);
          request[i].position = engine[i].last + 1;
#ifdef WITHOUT_FENCE
          request[i].before = newest_epoch(s);
#else
          request[i].before = engine[i].epoch;
#endif
          request[i].epoch = engine[i].epoch;
          request[i].key = k
       :: else
       fi;
       s = 0; k = 0
     }
  :: d_step {
       engine[i].role == leading && request[i].kind == append && request[i].state == done ->
       k = request[i].key;
       engine[i].last = request[i].position;
       engine[i].known = engine[i].known | KEY(k);
       engine[i].lease = (engine[i].promise > engine[i].lease -> engine[i].promise : engine[i].lease);
       if
       :: may_serve(i) -> acknowledge(i)
       :: else /* unknown to the client */
       fi;
       k = 0;
       clear_request(i);
       engine[i].promise = 0
     }
  /* The client asks again after an unknown outcome: the journal has it. */
  :: atomic {
       may_serve(i) && (engine[i].known & ~acknowledged) != 0 ->
       select(k : 1 .. KEYS);
       if
       :: (engine[i].known & ~acknowledged & KEY(k)) != 0 -> acknowledge(i)
       :: else
       fi;
       k = 0
     }
  /* It answers as current: it knows everything that was acknowledged by now, so also when the question came. */
  :: d_step {
       may_serve(i) ->
       assert((acknowledged & ~engine[i].known) == 0); /* P4: "active", as current, after the acknowledgement */
       assert(engine[i].epoch >= served); /* P16: a newer leader has served */
       check_journal()
     }
  :: atomic { engine[i].role != idle || request[i].state != none -> step_down(i) }
#ifdef FOLLOWERS
  /* A follower begins: a synchronous write of its own proves that the server is the primary, then it reads. */
  :: atomic {
       may_begin(i) ->
       note_begin(i);
       choose_server(s);
       send(i, proof, s);
#ifdef WITHOUT_PROOF
       request[i].state = done;
#endif
       s = 0
     }
  :: d_step {
       request[i].kind == proof && request[i].state == done ->
       s = at(i); p = synced[s];
       read_keys();
       engine[i].known = keys;
       s = 0; keys = 0;
       engine[i].role = following;
       clear_request(i);
       engine[i].promise = 0
     }
  /* It reads on, from any server, if that has what it has. */
  :: atomic {
       engine[i].role == following ->
       choose_server(s);
       if
       :: p = synced[s]
       :: p = length[s] /* a row that waited is visible once its session has ended */
       fi;
       read_keys();
       if
       :: (engine[i].known & ~keys) == 0 -> engine[i].known = keys
       :: else
       fi;
       s = 0; keys = 0
     }
  /* It has forwarded a revocation, which the leader acknowledged, and has applied it. */
  :: d_step {
       engine[i].role == following && (engine[i].known & acknowledged & ~promised[i]) != 0 ->
       promised[i] = promised[i] | (engine[i].known & acknowledged)
     }
  :: d_step {
       engine[i].role == following ->
       assert((promised[i] & ~engine[i].known) == 0) /* P4: "active" on the engine that acknowledged */
     }
#endif
  /* --- The server executes what has arrived. A refusal changes nothing and need not be heard: the request stays. */
  :: d_step { is_sent(i, append) && fits(i) -> write_row(i); request[i].state = executed }
  :: d_step {
       is_sent(i, renewal) && renews(i) ->
       request[i].state = executed;
#ifdef WITHOUT_FENCE
       leader[at(i)] = request[i].epoch
#endif
     }
  :: d_step { is_sent(i, proof) -> request[i].state = executed }
#ifdef CANCELLED_IS_DONE
  :: d_step { request[i].state == executed && request[i].kind == append -> request[i].state = done }
#endif
#ifdef RENEWED_LOCALLY
  :: d_step { request[i].state == executed && request[i].kind == renewal -> request[i].state = done }
#endif
  od
}

/* --- Messages to PostgreSQL, its standby, the promotion, and time */
proctype World() {
  byte i, k;
end:
  do
  :: d_step {
       request[late].state == sent && fits(late) ->
       write_row(late);
       clear_request(late)
     }
  :: d_step { request[late].state == sent -> clear_request(late) }
  /* The standby of the primary has everything up to here, and those who wait hear it. */
  :: d_step {
       synced[promoted] = length[promoted];
       do
       :: i < ENGINES ->
          if
          :: request[i].state == executed && request[i].server == promoted -> request[i].state = done
          :: else
          fi;
          i++
       :: else -> break
       od;
       i = 0
     }
  :: d_step {
       !promoted ->
       promoted = true;
       length[1] = synced[0];
       synced[1] = synced[0];
       i = 1;
       do
       :: i <= synced[0] -> row_epoch[ROW(1, i)] = row_epoch[ROW(0, i)]; row_key[ROW(1, i)] = row_key[ROW(0, i)]; i++
       :: else -> break
       od;
       i = 0;
       check_journal()
     }
  /* One tick of every clock. */
  :: d_step {
       do
       :: i < ENGINES ->
          engine[i].lease = (engine[i].lease > 0 -> engine[i].lease - 1 : 0);
          engine[i].promise = (engine[i].promise > 0 -> engine[i].promise - 1 : 0);
          engine[i].wait = (engine[i].wait > 0 -> engine[i].wait - 1 : 0);
          i++
       :: else -> break
       od;
       i = 0
     }
  od
}

init {
  byte i;
  atomic {
    do
    :: i < ENGINES -> engine[i].role = idle; clear_request(i); run Run(i); i++
    :: else -> break
    od;
    clear_request(late);
    i = 0;
    run World()
  }
}
