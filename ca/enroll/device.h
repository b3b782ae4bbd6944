/* Names that a label gives to devices by their manufacturer's certificate, made of its subject. */
#ifndef CA_ENROLL_DEVICE_H
#define CA_ENROLL_DEVICE_H

#include "lib/conf.h"

#define DEVICE_NAME_SIZE 320

/* A template filled in from a Name: {cn} and {serialNumber}, as below. -1: it cannot be. */
int device_expand(const char *template, struct slice subject,
                  char out[DEVICE_NAME_SIZE]) WARN_UNUSED;
/* Fills the label's device_names in from a Name: {cn} and {serialNumber}, of which each must be
 * there once, of letters, digits, hyphens and underscores alone. Values of `out` point into `room`.
 * Rule "est.device.name", -FAULT_DENIED. */
int device_names(const struct conf_est *label, struct slice subject,
                 char room[EST_DEVICE_NAMES_MAX][DEVICE_NAME_SIZE], struct san_list *out,
                 struct fault *f) WARN_UNUSED;

#endif
