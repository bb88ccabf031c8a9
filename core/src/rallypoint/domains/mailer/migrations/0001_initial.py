from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='MailAttempt',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('message_id', fields.CharField(db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('at', fields.BigIntField()),
                ('duration_ms', fields.IntField()),
                ('outcome', fields.CharField(max_length=16)),
                ('transport', fields.CharField(max_length=64)),
                ('detail', fields.CharField(max_length=300)),
            ],
            options={'table': 'mailer_attempts', 'app': 'mailer', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MailMessage',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('message_key', fields.CharField(max_length=200)),
                ('lane', fields.CharField(max_length=300)),
                ('position', fields.BigIntField()),
                ('state', fields.CharField(max_length=16)),
                ('attempts', fields.IntField(default=0)),
                ('not_before', fields.BigIntField(default=0)),
                ('next_at', fields.BigIntField(null=True)),
                ('started_at', fields.BigIntField(null=True)),
                ('expires_at', fields.BigIntField()),
                ('envelope', fields.TextField(unique=False)),
                ('content', fields.TextField(unique=False)),
                ('error', fields.CharField(default='', max_length=300)),
                ('created_at', fields.BigIntField()),
                ('finished_at', fields.BigIntField(null=True)),
            ],
            options={'table': 'mailer_messages', 'app': 'mailer', 'unique_together': (('account_id', 'mode', 'message_key'), ('lane', 'position')), 'indexes': [Index(fields=['next_at']), Index(fields=['account_id', 'mode', 'id']), Index(fields=['lane', 'state', 'position']), Index(fields=['state', 'created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
