/*
 * Bringing the durable environment of an older schema up to date, when the store is opened.
 *
 * Each step is one row of a table, {from, slice}: it turns schema `from` into `from` + 1, in
 * slices, each a write transaction of its own that goes on where the last one ended. From the first
 * slice on the store says the newest schema, so that older programs leave it alone, and "migrating"
 * says how far it really is; what is interrupted goes on at the next start.
 */
#ifndef CA_STORE_MIGRATE_H
#define CA_STORE_MIGRATE_H

#include "ca/store/store_lmdb.h"

/* Before any table but meta is open. *is_new when there is no store yet. An older
 * schema that is opened read-only, or a newer one: -FAULT_CONFLICT, rule "store.schema". */
int store_migrate(struct store *s, bool *is_new, struct fault *f) WARN_UNUSED;

/* A slice of a step; *done with the last. 0 or an LMDB code. */
typedef int (*migrate_slice)(struct store *s, MDB_txn *t, bool *done);
/* 1 to 2: keys and request keys from tables of rows into runs. */
int migrate_keys(struct store *s, MDB_txn *t, bool *done) WARN_UNUSED;

#endif
