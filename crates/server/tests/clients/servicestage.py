"""The vendor's SDK of the Git API, unmodified: makes the calls that it is told, by access key or by token.

Gets its settings as one JSON argument: where (`endpoint`), who (`ak` and `sk`, or `token`), the project (`project`, or
`region`: then the SDK looks it up by that name, as it does with a region's), and `calls`. Prints {"results": […]}: for
each call what the SDK made of the answer, typed and as it came, or what it tells its user of the refusal.
"""

import json
import sys

import huaweicloudsdkservicestage.v2 as sdk
from huaweicloudsdkcore.auth import credentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.region.region import Region

settings = json.loads(sys.argv[1])


class BasicCredentials(credentials.BasicCredentials):
    """A user token in place of a signature; the SDK knows credentials by the name of their class."""

    token = None

    def sign_request(self, request):
        if self.token is None:
            return super().sign_request(request)
        request.header_params["X-Auth-Token"] = self.token
        # As for every request that brings an Authorization of its own: it is not signed.
        request.header_params["Authorization"] = ""
        request = super().sign_request(request)
        del request.header_params["Authorization"]
        return request


def client():
    who = BasicCredentials(settings.get("ak") or "none", settings.get("sk") or "none", settings.get("project"))
    who.token = settings.get("token")
    config = HttpConfig.get_default_config()
    config.timeout = (10, 60)
    builder = sdk.ServiceStageClient.new_builder().with_http_config(config)
    if settings.get("region"):
        who.with_iam_endpoint(settings["endpoint"])
        builder = builder.with_region(Region(settings["region"], settings["endpoint"]))
    else:
        builder = builder.with_endpoint(settings["endpoint"])
    return builder.with_credentials(who).build()


BODIES = {
    "create_o_auth": sdk.OAuth,
    "create_personal_auth": sdk.AccessToken,
    "create_password_auth": sdk.AccessPassword,
    "create_project": sdk.ProjectCreate,
    "create_tag": sdk.TagCreate,
    "create_hook": sdk.HookCreate,
    "create_file": sdk.FileCreate,
    "update_file": sdk.FileUpdate,
}
REQUESTS = {
    "list_authorizations": sdk.ListAuthorizationsRequest,
    "show_redirect_url": sdk.ShowRedirectUrlRequest,
    "create_o_auth": sdk.CreateOAuthRequest,
    "create_personal_auth": sdk.CreatePersonalAuthRequest,
    "create_password_auth": sdk.CreatePasswordAuthRequest,
    "delete_authorize": sdk.DeleteAuthorizeRequest,
    "list_namespaces": sdk.ListNamespacesRequest,
    "show_project_detail": sdk.ShowProjectDetailRequest,
    "list_projects": sdk.ListProjectsRequest,
    "create_project": sdk.CreateProjectRequest,
    "list_branches": sdk.ListBranchesRequest,
    "list_tags": sdk.ListTagsRequest,
    "create_tag": sdk.CreateTagRequest,
    "delete_tag": sdk.DeleteTagRequest,
    "list_commits": sdk.ListCommitsRequest,
    "list_hooks": sdk.ListHooksRequest,
    "create_hook": sdk.CreateHookRequest,
    "delete_hook": sdk.DeleteHookRequest,
    "list_trees": sdk.ListTreesRequest,
    "show_content": sdk.ShowContentRequest,
    "create_file": sdk.CreateFileRequest,
    "update_file": sdk.UpdateFileRequest,
    "delete_file": sdk.DeleteFileRequest,
}


def make(api, call, **fields):
    if "body" in fields:
        fields["body"] = BODIES[call](**fields["body"])
    try:
        answer = getattr(api, call)(REQUESTS[call](**fields))
    except ServiceResponseException as error:
        return {"kind": type(error).__name__, "status": error.status_code, "error_code": error.error_code,
                "error_msg": error.error_msg, "request_id": error.request_id}
    raw = answer.raw_content
    return {"status": answer.status_code, "typed": answer.to_dict(), "raw": json.loads(raw) if raw else None}


api = client()
print(json.dumps({"results": [make(api, **call) for call in settings["calls"]]}), flush=True)
