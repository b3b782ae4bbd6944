/* Every command, each in tools/cmd_NAME.c. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/tool.h"

extern const struct command cmd_init;
extern const struct command cmd_issue;
extern const struct command cmd_renew;
extern const struct command cmd_bulk;
extern const struct command cmd_import;
extern const struct command cmd_list;
extern const struct command cmd_search;
extern const struct command cmd_show;
extern const struct command cmd_inventory_set;
extern const struct command cmd_inventory_unset;
extern const struct command cmd_inventory_show;
extern const struct command cmd_inventory_retire;
extern const struct command cmd_inventory_unretire;
extern const struct command cmd_filter_list;
extern const struct command cmd_filter_remove;
extern const struct command cmd_revoke;
extern const struct command cmd_hold;
extern const struct command cmd_release;
extern const struct command cmd_ca_list;
extern const struct command cmd_ca_csr;
extern const struct command cmd_ca_create;
extern const struct command cmd_ca_install;
extern const struct command cmd_ca_bundle;
extern const struct command cmd_ca_cross_sign;
extern const struct command cmd_ceremony;
extern const struct command cmd_conf_check;
extern const struct command cmd_conf_show;
extern const struct command cmd_conf_example;
extern const struct command cmd_conf_manual;
extern const struct command cmd_policy_explain;
extern const struct command cmd_policy_show;
extern const struct command cmd_lint;
extern const struct command cmd_status;
extern const struct command cmd_policy_preview;
extern const struct command cmd_store_check;
extern const struct command cmd_block_list;
extern const struct command cmd_block_add;
extern const struct command cmd_block_remove;
extern const struct command cmd_alerts_list;
extern const struct command cmd_alerts_show;
extern const struct command cmd_alerts_ack;
extern const struct command cmd_alerts_unack;
extern const struct command cmd_findings_list;
extern const struct command cmd_findings_count;
extern const struct command cmd_findings_except;
extern const struct command cmd_findings_exceptions;
extern const struct command cmd_explain;
extern const struct command cmd_token_create;
extern const struct command cmd_token_list;
extern const struct command cmd_token_revoke;
extern const struct command cmd_request_list;
extern const struct command cmd_request_show;
extern const struct command cmd_request_approve;
extern const struct command cmd_request_deny;
extern const struct command cmd_backup_verify;
extern const struct command cmd_backup;
extern const struct command cmd_restore;
extern const struct command cmd_open;
extern const struct command cmd_close;
extern const struct command cmd_crl_list;
extern const struct command cmd_crl_show;
extern const struct command cmd_crl_publish;
extern const struct command cmd_crl_install;
extern const struct command cmd_audit_log;
extern const struct command cmd_audit_verify;
extern const struct command cmd_audit_checkpoint;
extern const struct command cmd_audit_export;
extern const struct command cmd_audit_prove;
extern const struct command cmd_ocsp_query;
extern const struct command cmd_est_cacerts;
extern const struct command cmd_est_csrattrs;
extern const struct command cmd_est_enroll;
extern const struct command cmd_est_hint;
extern const struct command cmd_est_reenroll;
extern const struct command cmd_est_serverkeygen;
extern const struct command cmd_ocsp_csr;
extern const struct command cmd_view_export;
extern const struct command cmd_view_import;
extern const struct command cmd_view_node;
extern const struct command cmd_completion;

#endif
