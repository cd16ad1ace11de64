"""The operations. Each is a function of the state, the members of the request, and the time.

The members have passed `requests.request_validation`. The return value is the JSON of the response, which may
contain numpy arrays. Operations raise `ApiError` before they change anything, never after. They never wait or
log.

Start reading at `vectors`. Imports the endpoint's pure modules and `vecgate.s3vectors`.
"""
