/*
 * An export of the public view, for a host that this one cannot reach or should not: plain files
 * that rsync, scp or a synchronised folder carry.
 *
 *   seal         a signed note in the form of a checkpoint (lib/note.h): of the log's name with
 *                "/view" behind it, the export's number for the tree size, and for the root the
 *                SHA-256 of the manifest; replaced by rename
 *   pieces/HEX   octets whose SHA-256 is HEX; immutable. The manifest is one of them
 *
 * The manifest is text, a line each:
 *
 *   cerca-view-export/1
 *   ORIGIN                the seal's
 *   NUMBER                the seal's; a later export has a greater one
 *   TIME                  when it was made, seconds since 1970
 *   HEX SIZE PATH         a piece of a file of the view; any number, in order of PATH, the pieces
 *                         of one file in their order
 *
 * What an export shares with the one before is in the same pieces, so that it is not carried again:
 * a log is cut where its records begin, VIEWEXPORT_LOG_PIECE octets each. The pieces of the export
 * before stay, for whoever is just fetching it..
 */
#ifndef LIB_VIEWEXPORT_H
#define LIB_VIEWEXPORT_H

#include "lib/note.h"
#include "lib/viewfile.h"

#define VIEWEXPORT_SEAL "seal"
#define VIEWEXPORT_PIECES "pieces"
#define VIEWEXPORT_PIECE 1048576                              /* octets of a piece, at most */
#define VIEWEXPORT_LOG_PIECE ((size_t)4096 * VIEWFILE_RECORD) /* of a log behind its page */
#define VIEWEXPORT_MANIFEST_MAX (32 << 20)
#define VIEWEXPORT_PATH_MAX 200

struct viewexport_head {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t number;
    int64_t time;
};

struct viewexport_entry {
    uint8_t hash[32];
    uint32_t size;     /* 1 to VIEWEXPORT_PIECE */
    struct slice path; /* into the manifest */
};

/* The name of a log's exports; -1: too long for a note's name. */
int viewexport_origin(const char *audit_origin, char out[NOTE_NAME_MAX + 1]) WARN_UNUSED;
/* The same key under that name. */
int viewexport_key(const struct note_key *of_log, struct note_key *out) WARN_UNUSED;

/* Parts with "/" between them, each of letters, digits, "-", "_" and ".", none of them with "."
 * first: what is joined with a folder stays below it. */
bool viewexport_path_valid(struct slice path);

void viewexport_head_put(struct buf *b, const struct viewexport_head *h);
void viewexport_entry_put(struct buf *b, const struct viewexport_entry *e);
/* *rest becomes the entries. Rule "view.manifest". */
int viewexport_begin(struct slice manifest, struct viewexport_head *out, struct slice *rest,
                     struct fault *f) WARN_UNUSED;
/* 1 and the next entry, 0 at the end, or the same rule. *e holds the entry before; zeros first. */
int viewexport_next(struct slice *rest, struct viewexport_entry *e, struct fault *f) WARN_UNUSED;

/* FOLDER/pieces/HEX */
void viewexport_piece_path(struct buf *b, const char *folder, const uint8_t hash[32]);

#endif
