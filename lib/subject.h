/*
 * Subject templates: RFC 4514 text such as "CN={cn},O=Example", in which a value
 * is either fixed or one placeholder. {cn}, {o}, {ou}, {c}, {st}, {l}, {dc},
 * {uid} and {serialNumber} stand for all values of that attribute in the subject
 * that was asked for, {dns}, {email} and {upn} for the first name of that kind.
 * What has no value is left out.
 */
#ifndef LIB_SUBJECT_H
#define LIB_SUBJECT_H

#include "lib/name.h"
#include "lib/san.h"

/* Rules: "name.text", "subject.template". */
int subject_template_check(const char *text, struct fault *f) WARN_UNUSED;

/* Appends the Name. An attribute of `asked` (whole Name) that is neither copied by the template nor
 * in the result is refused, unless `drop`. Rules: "subject.template" and those of name_check. */
int subject_make(const char *text, struct slice asked, const struct san_list *sans, bool drop,
                 struct buf *out, struct fault *f) WARN_UNUSED;

#endif
