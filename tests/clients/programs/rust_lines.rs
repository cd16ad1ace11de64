//! The AWS SDK for Rust as a program: reads JSON lines from stdin and answers each with one. The first line it
//! prints describes it.

use std::collections::HashMap;
use std::io::BufRead;

use aws_sdk_s3vectors::config::http::HttpResponse;
use aws_sdk_s3vectors::config::retry::RetryConfig;
use aws_sdk_s3vectors::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3vectors::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3vectors::types::{
    EncryptionConfiguration, Index, IndexSummary, MetadataConfiguration, PutInputVector, VectorBucketSummary,
    VectorData,
};
use aws_sdk_s3vectors::{Client, Config, Error};
use aws_smithy_types::{DateTime, Document, Number};
use serde_json::{Map, Value, json};

/// The operations of this version; `call` has one arm for each.
const OPERATIONS: [&str; 21] = [
    "CreateIndex",
    "CreateVectorBucket",
    "DeleteIndex",
    "DeleteVectorBucket",
    "DeleteVectorBucketPolicy",
    "DeleteVectors",
    "GetIndex",
    "GetVectorBucket",
    "GetVectorBucketPolicy",
    "GetVectors",
    "ListIndexes",
    "ListTagsForResource",
    "ListVectorBuckets",
    "ListVectors",
    "PutVectorBucketDefaultIndexMode",
    "PutVectorBucketPolicy",
    "PutVectors",
    "QueryVectors",
    "TagResource",
    "UntagResource",
    "UpdateIndexMode",
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let shared = open(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        variable("AWS_SESSION_TOKEN"),
    );
    println!("{}", json!({"version": aws_sdk_s3vectors::meta::PKG_VERSION, "operations": OPERATIONS}));
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let keys = &request["settings"]["keys"];
        let client = match keys {
            Value::Null => shared.clone(),
            keys => {
                let part = |name: &str| keys[name].as_str().unwrap().to_owned();
                open(part("access_key"), part("secret_key"), part("session_token"))
            }
        };
        let input = Input(&request["arguments"]);
        let operation = request["operation"].as_str().unwrap();
        let result = match request["isPaged"].as_bool() {
            Some(true) => pages(&client, operation, input).await,
            _ => call(&client, operation, input).await,
        };
        match result {
            Ok(response) => println!("{}", json!({"response": response})),
            Err(error) => println!("{}", json!({"error": error})),
        }
    }
}

fn open(access_key: String, secret_key: String, token: String) -> Client {
    let token = Some(token).filter(|token| !token.is_empty());
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(std::env::var("AWS_REGION").unwrap()))
            .endpoint_url(std::env::var("AWS_ENDPOINT_URL_S3VECTORS").unwrap())
            .credentials_provider(Credentials::new(access_key, secret_key, token, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build(),
    )
}

/// The members of a request as JSON.
#[derive(Clone, Copy)]
struct Input<'a>(&'a Value);

impl Input<'_> {
    fn text(self, name: &str) -> Option<String> {
        self.0[name].as_str().map(str::to_owned)
    }

    fn parsed<T: for<'a> From<&'a str>>(self, name: &str) -> Option<T> {
        self.0[name].as_str().map(T::from)
    }

    fn number(self, name: &str) -> Option<i32> {
        self.0[name].as_i64().map(|number| number.try_into().unwrap())
    }

    fn flag(self, name: &str) -> Option<bool> {
        self.0[name].as_bool()
    }

    fn texts(self, name: &str) -> Option<Vec<String>> {
        let values = self.0[name].as_array()?;
        Some(values.iter().map(|value| value.as_str().unwrap().to_owned()).collect())
    }

    fn tags(self) -> Option<HashMap<String, String>> {
        let tags = self.0["tags"].as_object()?;
        Some(tags.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect())
    }

    fn data(self, name: &str) -> Option<VectorData> {
        let values = self.0[name]["float32"].as_array()?;
        let parsed = values.iter().map(|value| value.to_string().parse().unwrap());
        Some(VectorData::Float32(parsed.collect()))
    }

    fn document(self, name: &str) -> Option<Document> {
        self.0.get(name).map(document)
    }

    fn encryption(self) -> Option<EncryptionConfiguration> {
        let input = Input(self.0.get("encryptionConfiguration")?);
        let builder = EncryptionConfiguration::builder();
        Some(builder.set_sse_type(input.parsed("sseType")).set_kms_key_arn(input.text("kmsKeyArn")).build())
    }

    fn metadata_configuration(self) -> Option<MetadataConfiguration> {
        let input = Input(self.0.get("metadataConfiguration")?);
        let builder = MetadataConfiguration::builder();
        Some(builder.set_non_filterable_metadata_keys(input.texts("nonFilterableMetadataKeys")).build().unwrap())
    }

    fn vectors(self) -> Option<Vec<PutInputVector>> {
        let vectors = self.0["vectors"].as_array()?;
        Some(vectors.iter().map(|vector| put_vector(Input(vector))).collect())
    }
}

fn put_vector(input: Input) -> PutInputVector {
    let builder = PutInputVector::builder().set_key(input.text("key")).set_data(input.data("data"));
    builder.set_metadata(input.document("metadata")).build().unwrap()
}

/// Sets the members that address an index.
macro_rules! index {
    ($builder:expr, $input:expr) => {
        $builder
            .set_vector_bucket_name($input.text("vectorBucketName"))
            .set_index_name($input.text("indexName"))
            .set_index_arn($input.text("indexArn"))
    };
}

/// Sets the members that address a bucket.
macro_rules! bucket {
    ($builder:expr, $input:expr) => {
        $builder
            .set_vector_bucket_name($input.text("vectorBucketName"))
            .set_vector_bucket_arn($input.text("vectorBucketArn"))
    };
}

/// Sends a request and returns its output, or ends the function with the error.
macro_rules! send {
    ($builder:expr) => {
        $builder.send().await.map_err(describe)?
    };
}

/// Returns the outputs of a paginator.
macro_rules! read_pages {
    ($builder:expr, $show:expr) => {{
        let mut stream = $builder.into_paginator().send();
        let mut all = Vec::new();
        while let Some(page) = stream.next().await {
            all.push($show(page.map_err(describe)?));
        }
        Ok(Value::Array(all))
    }};
}

async fn pages(client: &Client, operation: &str, input: Input<'_>) -> Result<Value, Value> {
    match operation {
        "ListVectors" => read_pages!(list_vectors(client, input), show_listed),
        "ListIndexes" => read_pages!(list_indexes(client, input), show_indexes),
        "ListVectorBuckets" => read_pages!(list_buckets(client, input), show_buckets),
        "QueryVectors" => read_pages!(query_vectors(client, input), show_found),
        _ => panic!("{operation} has no pages"),
    }
}

use aws_sdk_s3vectors::operation as op;

fn list_vectors(client: &Client, input: Input) -> op::list_vectors::builders::ListVectorsFluentBuilder {
    index!(client.list_vectors(), input)
        .set_max_results(input.number("maxResults"))
        .set_next_token(input.text("nextToken"))
        .set_segment_count(input.number("segmentCount"))
        .set_segment_index(input.number("segmentIndex"))
        .set_return_data(input.flag("returnData"))
        .set_return_metadata(input.flag("returnMetadata"))
}

fn list_indexes(client: &Client, input: Input) -> op::list_indexes::builders::ListIndexesFluentBuilder {
    bucket!(client.list_indexes(), input)
        .set_max_results(input.number("maxResults"))
        .set_next_token(input.text("nextToken"))
        .set_prefix(input.text("prefix"))
}

fn list_buckets(
    client: &Client,
    input: Input,
) -> op::list_vector_buckets::builders::ListVectorBucketsFluentBuilder {
    client
        .list_vector_buckets()
        .set_max_results(input.number("maxResults"))
        .set_next_token(input.text("nextToken"))
        .set_prefix(input.text("prefix"))
}

fn query_vectors(client: &Client, input: Input) -> op::query_vectors::builders::QueryVectorsFluentBuilder {
    index!(client.query_vectors(), input)
        .set_top_k(input.number("topK"))
        .set_query_vector(input.data("queryVector"))
        .set_filter(input.document("filter"))
        .set_query_mode(input.parsed("queryMode"))
        .set_return_metadata(input.flag("returnMetadata"))
        .set_return_distance(input.flag("returnDistance"))
        .set_next_token(input.text("nextToken"))
}

async fn call(client: &Client, operation: &str, input: Input<'_>) -> Result<Value, Value> {
    let arn = input.text("resourceArn");
    let response = match operation {
        "CreateIndex" => {
            let output = send!(
                bucket!(client.create_index(), input)
                    .set_index_name(input.text("indexName"))
                    .set_data_type(input.parsed("dataType"))
                    .set_dimension(input.number("dimension"))
                    .set_distance_metric(input.parsed("distanceMetric"))
                    .set_metadata_configuration(input.metadata_configuration())
                    .set_encryption_configuration(input.encryption())
                    .set_tags(input.tags())
            );
            json!({"indexArn": output.index_arn})
        }
        "CreateVectorBucket" => {
            let output = send!(
                client
                    .create_vector_bucket()
                    .set_vector_bucket_name(input.text("vectorBucketName"))
                    .set_encryption_configuration(input.encryption())
                    .set_tags(input.tags())
            );
            json!({"vectorBucketArn": output.vector_bucket_arn})
        }
        "DeleteIndex" => {
            send!(index!(client.delete_index(), input));
            json!({})
        }
        "DeleteVectorBucket" => {
            send!(bucket!(client.delete_vector_bucket(), input));
            json!({})
        }
        "DeleteVectorBucketPolicy" => {
            send!(bucket!(client.delete_vector_bucket_policy(), input));
            json!({})
        }
        "DeleteVectors" => {
            send!(index!(client.delete_vectors(), input).set_keys(input.texts("keys")));
            json!({})
        }
        "GetIndex" => {
            let output = send!(index!(client.get_index(), input));
            json!({"index": output.index.map(show_index)})
        }
        "GetVectorBucket" => {
            let bucket = send!(bucket!(client.get_vector_bucket(), input)).vector_bucket.unwrap();
            json!({"vectorBucket": without_nulls(json!({
                "vectorBucketName": bucket.vector_bucket_name,
                "vectorBucketArn": bucket.vector_bucket_arn,
                "creationTime": seconds(bucket.creation_time),
                "encryptionConfiguration": bucket.encryption_configuration.map(show_encryption),
                "defaultIndexMode": bucket.default_index_mode.map(|mode| mode.as_str().to_owned()),
            }))})
        }
        "GetVectorBucketPolicy" => {
            let output = send!(bucket!(client.get_vector_bucket_policy(), input));
            without_nulls(json!({"policy": output.policy}))
        }
        "GetVectors" => {
            let request = index!(client.get_vectors(), input)
                .set_keys(input.texts("keys"))
                .set_return_data(input.flag("returnData"))
                .set_return_metadata(input.flag("returnMetadata"));
            let vectors = send!(request).vectors.into_iter();
            let shown = vectors.map(|each| show_vector(each.key, each.data, each.metadata, None));
            json!({"vectors": shown.collect::<Vec<_>>()})
        }
        "ListIndexes" => show_indexes(send!(list_indexes(client, input))),
        "ListTagsForResource" => {
            json!({"tags": send!(client.list_tags_for_resource().set_resource_arn(arn)).tags})
        }
        "ListVectorBuckets" => show_buckets(send!(list_buckets(client, input))),
        "ListVectors" => show_listed(send!(list_vectors(client, input))),
        "PutVectorBucketDefaultIndexMode" => {
            let request = bucket!(client.put_vector_bucket_default_index_mode(), input);
            send!(request.set_default_index_mode(input.parsed("defaultIndexMode")));
            json!({})
        }
        "PutVectorBucketPolicy" => {
            let request = bucket!(client.put_vector_bucket_policy(), input);
            send!(request.set_policy(input.text("policy")));
            json!({})
        }
        "PutVectors" => {
            send!(index!(client.put_vectors(), input).set_vectors(input.vectors()));
            json!({})
        }
        "QueryVectors" => show_found(send!(query_vectors(client, input))),
        "TagResource" => {
            send!(client.tag_resource().set_resource_arn(arn).set_tags(input.tags()));
            json!({})
        }
        "UntagResource" => {
            send!(client.untag_resource().set_resource_arn(arn).set_tag_keys(input.texts("tagKeys")));
            json!({})
        }
        "UpdateIndexMode" => {
            let request = index!(client.update_index_mode(), input);
            send!(request.set_index_mode(input.parsed("indexMode")));
            json!({})
        }
        _ => panic!("there is no operation {operation}"),
    };
    Ok(response)
}

fn show_listed(page: op::list_vectors::ListVectorsOutput) -> Value {
    let vectors = page.vectors.into_iter();
    let shown = vectors.map(|each| show_vector(each.key, each.data, each.metadata, None));
    without_nulls(json!({"vectors": shown.collect::<Vec<_>>(), "nextToken": page.next_token}))
}

fn show_found(page: op::query_vectors::QueryVectorsOutput) -> Value {
    let vectors = page.vectors.into_iter();
    let shown = vectors.map(|each| show_vector(each.key, None, each.metadata, each.distance));
    without_nulls(json!({
        "vectors": shown.collect::<Vec<_>>(),
        "distanceMetric": page.distance_metric.map(|metric| metric.as_str().to_owned()),
        "nextToken": page.next_token,
    }))
}

fn show_indexes(page: op::list_indexes::ListIndexesOutput) -> Value {
    let show = |each: IndexSummary| {
        json!({
            "vectorBucketName": each.vector_bucket_name,
            "indexName": each.index_name,
            "indexArn": each.index_arn,
            "creationTime": seconds(each.creation_time),
        })
    };
    let indexes: Vec<_> = page.indexes.into_iter().map(show).collect();
    without_nulls(json!({"indexes": indexes, "nextToken": page.next_token}))
}

fn show_buckets(page: op::list_vector_buckets::ListVectorBucketsOutput) -> Value {
    let show = |each: VectorBucketSummary| {
        json!({
            "vectorBucketName": each.vector_bucket_name,
            "vectorBucketArn": each.vector_bucket_arn,
            "creationTime": seconds(each.creation_time),
        })
    };
    let buckets: Vec<_> = page.vector_buckets.into_iter().map(show).collect();
    without_nulls(json!({"vectorBuckets": buckets, "nextToken": page.next_token}))
}

fn show_index(index: Index) -> Value {
    let configuration = index.metadata_configuration.map(|configuration| {
        json!({"nonFilterableMetadataKeys": configuration.non_filterable_metadata_keys})
    });
    without_nulls(json!({
        "vectorBucketName": index.vector_bucket_name,
        "indexName": index.index_name,
        "indexArn": index.index_arn,
        "creationTime": seconds(index.creation_time),
        "dataType": index.data_type.as_str(),
        "dimension": index.dimension,
        "distanceMetric": index.distance_metric.as_str(),
        "metadataConfiguration": configuration,
        "encryptionConfiguration": index.encryption_configuration.map(show_encryption),
        "indexMode": index.index_mode.map(|mode| mode.as_str().to_owned()),
    }))
}

fn show_encryption(configuration: EncryptionConfiguration) -> Value {
    without_nulls(json!({
        "sseType": configuration.sse_type.as_str(), "kmsKeyArn": configuration.kms_key_arn,
    }))
}

fn show_vector(
    key: String,
    data: Option<VectorData>,
    metadata: Option<Document>,
    distance: Option<f32>,
) -> Value {
    let data = data.map(|data| json!({"float32": data.as_float32().unwrap()}));
    without_nulls(json!({
        "key": key, "data": data, "metadata": metadata.map(value), "distance": distance,
    }))
}

fn seconds(time: DateTime) -> f64 {
    time.as_secs_f64()
}

fn without_nulls(members: Value) -> Value {
    match members {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}

fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(values) => Document::Array(values.iter().map(document).collect()),
        Value::Object(members) => {
            Document::Object(members.iter().map(|(name, value)| (name.clone(), document(value))).collect())
        }
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => Number::PosInt(whole),
            (None, Some(whole)) => Number::NegInt(whole),
            _ => Number::Float(number.as_f64().unwrap()),
        }),
    }
}

fn value(document: Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(flag) => flag.into(),
        Document::String(text) => text.into(),
        Document::Array(values) => values.into_iter().map(value).collect(),
        Document::Object(members) => {
            members.into_iter().map(|(name, each)| (name, value(each))).collect::<Map<_, _>>().into()
        }
        Document::Number(Number::PosInt(whole)) => whole.into(),
        Document::Number(Number::NegInt(whole)) => whole.into(),
        Document::Number(Number::Float(number)) => number.into(),
    }
}

fn describe<E>(error: SdkError<E, HttpResponse>) -> Value
where
    Error: From<SdkError<E, HttpResponse>>,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let error = Error::from(error);
    let fields: Vec<_> = match &error {
        Error::ValidationException(invalid) => invalid
            .field_list()
            .iter()
            .map(|field| json!({"path": field.path, "message": field.message}))
            .collect(),
        _ => Vec::new(),
    };
    let debug = format!("{error:?}");
    let is_typed = error.code().is_some_and(|code| debug.starts_with(code));
    // Without a code it is no answer, and only the debug text says why.
    json!({
        "code": error.code(), "message": error.message().unwrap_or(&debug), "status": status, "fields": fields,
        "isTyped": is_typed,
    })
}
