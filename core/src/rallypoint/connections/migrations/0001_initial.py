from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='ConnectionLogEntry',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('connection_id', fields.CharField(max_length=36)),
                ('at', fields.BigIntField()),
                ('kind', fields.CharField(max_length=32)),
                ('detail', fields.CharField(default='', max_length=300)),
            ],
            options={'table': 'connection_log', 'app': 'connections', 'indexes': [Index(fields=['connection_id', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConnectionMark',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=80)),
                ('connection_id', fields.CharField(db_index=True, max_length=36)),
                ('kind', fields.CharField(max_length=32)),
                ('count', fields.BigIntField()),
                ('last_at', fields.BigIntField()),
                ('until', fields.BigIntField(null=True)),
                ('detail', fields.CharField(default='', max_length=300)),
            ],
            options={'table': 'connection_marks', 'app': 'connections', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='ConnectionRow',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=16)),
                ('service', fields.CharField(max_length=64)),
                ('kind', fields.CharField(db_default='api_key', max_length=16)),
                ('state', fields.CharField(max_length=16)),
                ('label', fields.CharField(default='', max_length=200)),
                ('email', fields.CharField(db_default='', max_length=254)),
                ('external_id', fields.CharField(db_default='', max_length=200)),
                ('scopes', fields.TextField(db_default='', unique=False)),
                ('reason', fields.CharField(default='', max_length=300)),
                ('credential', fields.TextField(unique=False)),
                ('version', fields.IntField(default=1)),
                ('renewals', fields.IntField(db_default=0)),
                ('expires_at', fields.BigIntField(null=True)),
                ('seq', fields.BigIntField(default=0)),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'connections', 'app': 'connections', 'unique_together': (('account_id', 'user_id', 'service'),), 'indexes': [Index(fields=['service', 'id']), Index(fields=['account_id', 'email']), Index(fields=['external_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OAuthRevocation',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('service', fields.CharField(max_length=64)),
                ('external_id', fields.CharField(default='', max_length=200)),
                ('credential', fields.TextField(unique=False)),
                ('attempts', fields.IntField(default=0)),
                ('next_at', fields.BigIntField(db_index=True)),
                ('created_at', fields.BigIntField()),
            ],
            options={'table': 'oauth_revocations', 'app': 'connections', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OAuthState',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('account_id', fields.CharField(db_index=True, max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=16)),
                ('service', fields.CharField(max_length=64)),
                ('scopes', fields.TextField(unique=False)),
                ('return_to', fields.CharField(default='', max_length=2000)),
                ('created_at', fields.BigIntField()),
                ('expires_at', fields.BigIntField(db_index=True)),
                ('used_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'oauth_states', 'app': 'connections', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
